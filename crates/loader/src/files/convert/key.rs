//! Keys by which rows are sorted: their bytes are in the order of the values.

use tally_rows::config::ColumnType;

/// Whether rows can be sorted by values of a type.
pub fn has_order(kind: ColumnType) -> bool {
    kind != ColumnType::Jsonb
}

/// Appends a value, in its binary form, to a key; NULL comes last, as in SQL.
pub fn append(kind: ColumnType, value: Option<&[u8]>, key: &mut Vec<u8>) {
    let Some(value) = value else { return key.push(1) };
    key.push(0);
    match kind {
        ColumnType::Boolean | ColumnType::Uuid => key.extend(value),
        ColumnType::Text | ColumnType::Bytea | ColumnType::Jsonb => append_bytes(value, key),
        ColumnType::Real | ColumnType::DoublePrecision => append_float(value, key),
        ColumnType::Numeric => append_numeric(value, key),
        // Whole numbers and counts of time: the sign comes first.
        _ => {
            key.push(value[0] ^ 0x80);
            key.extend(&value[1..]);
        }
    }
}

/// Appends bytes of any length; what is shorter comes first.
fn append_bytes(value: &[u8], key: &mut Vec<u8>) {
    for byte in value {
        key.push(*byte);
        if *byte == 0 {
            key.push(0xff);
        }
    }
    key.extend([0, 0]);
}

/// Appends a number whose sign is a bit of its own; NaN is the largest, whatever its sign.
fn append_float(value: &[u8], key: &mut Vec<u8>) {
    let (is_nan, is_zero) = match value.try_into() {
        Ok(bytes) => (f64::from_be_bytes(bytes).is_nan(), f64::from_be_bytes(bytes) == 0.0),
        Err(_) => value.try_into().map_or((false, false), |bytes| {
            (f32::from_be_bytes(bytes).is_nan(), f32::from_be_bytes(bytes) == 0.0)
        }),
    };
    if is_nan {
        key.resize(key.len() + value.len(), 0xff);
    } else if is_zero {
        key.push(0x80);
        key.resize(key.len() + value.len() - 1, 0);
    } else if value[0] & 0x80 == 0 {
        key.push(value[0] ^ 0x80);
        key.extend(&value[1..]);
    } else {
        key.extend(value.iter().map(|byte| !byte));
    }
}

/// Appends a numeric: its sign, the place of its first digit, and its digits to base 10,000.
fn append_numeric(value: &[u8], key: &mut Vec<u8>) {
    let word = |at: usize| u16::from_be_bytes([value[2 * at], value[2 * at + 1]]);
    let (count, weight, sign) = (usize::from(word(0)), word(1), word(2));
    match (sign, count) {
        (0xc000, _) => return key.push(5), // NaN
        (0xd000, _) => return key.push(4), // Infinity
        (0xf000, _) => return key.push(0), // -Infinity
        (_, 0) => return key.push(2),      // zero
        _ => {}
    }
    let mut magnitude = (weight ^ 0x8000).to_be_bytes().to_vec();
    let digits: Vec<u16> = (4..4 + count).map(word).collect();
    let significant = digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
    // Digits are below 10,000, so that one more than each leaves 0 for the end.
    digits[..significant].iter().for_each(|digit| magnitude.extend((digit + 1).to_be_bytes()));
    magnitude.extend([0, 0]);
    match sign {
        0x4000 => {
            key.push(1);
            key.extend(magnitude.iter().map(|byte| !byte));
        }
        _ => {
            key.push(3);
            key.extend(magnitude);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tally_rows::decode::{encode, Value};

    #[test]
    fn keys_are_in_the_order_of_the_values() {
        use ColumnType::*;
        for (kind, values) in [
            (Bigint, &["-9223372036854775808", "-1", "0", "1", "256"][..]),
            (Smallint, &["-300", "-1", "0", "255", "256"]),
            (DoublePrecision, &["-Infinity", "-1.5", "-1e-300", "0", "1e-300", "2", "Infinity", "NaN"]),
            (Real, &["-2", "-1", "0", "0.5", "NaN"]),
            (
                Numeric,
                &[
                    "-Infinity",
                    "-10000.5",
                    "-10000",
                    "-1",
                    "-0.0001",
                    "0",
                    "0.0001",
                    "0.5",
                    "1",
                    "1.00001",
                    "9999",
                    "10000",
                    "Infinity",
                    "NaN",
                ],
            ),
            (Text, &["", "a", "a\u{1}", "ab", "b", "é"]),
            (Date, &["1999-12-31", "2000-01-01", "2024-02-29"]),
            (Timestamptz, &["1999-12-31T00:00:00Z", "2000-01-01T00:00:00Z", "2024-02-29T00:00:00Z"]),
            (Boolean, &["false", "true"]),
        ] {
            let key = |text: &str| {
                let (mut value, mut key) = (Vec::new(), Vec::new());
                encode(kind, None, &Value::Text(text.into()), &mut value).unwrap();
                append(kind, Some(&value), &mut key);
                // What follows must not matter.
                key.push(0x80);
                key
            };
            let mut keys: Vec<Vec<u8>> = values.iter().map(|text| key(text)).collect();
            let mut null = Vec::new();
            append(kind, None, &mut null);
            keys.push(null);
            assert!(keys.is_sorted_by(|a, b| a < b), "{kind}: {keys:?}");
        }
        assert_eq!(
            {
                let mut key = Vec::new();
                append(Numeric, Some(&[0, 1, 0, 0, 0, 0, 0, 2, 0, 1]), &mut key);
                key
            },
            {
                let mut key = Vec::new();
                append(Numeric, Some(&[0, 2, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0]), &mut key);
                key
            },
        );
    }
}
