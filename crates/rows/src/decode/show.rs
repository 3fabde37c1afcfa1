//! Values of rows, which are in the binary form of COPY, as JSON.

use serde::de::IgnoredAny;
use tally_postgres::partitions::moment;
use tally_postgres::pgtype::moment::MICROS_PER_DAY;
use tally_postgres::pgtype::{hex, numeric};
use uuid::Uuid;

use crate::config::ColumnType;

/// Appends a field of a row: numbers, booleans and JSON as they are, all others as text, times as RFC 3339 has them.
pub fn show_json(kind: ColumnType, field: Option<&[u8]>, out: &mut String) {
    let shown = field.map(|field| match kind {
        ColumnType::Text => quoted(&String::from_utf8_lossy(field)),
        ColumnType::Boolean => (field != [0]).to_string(),
        ColumnType::Smallint => i16::from_be_bytes(bytes(field)).to_string(),
        ColumnType::Integer => i32::from_be_bytes(bytes(field)).to_string(),
        ColumnType::Bigint => i64::from_be_bytes(bytes(field)).to_string(),
        ColumnType::Real => float(f32::from_be_bytes(bytes(field)), f32::into),
        ColumnType::DoublePrecision => float(f64::from_be_bytes(bytes(field)), |number| number),
        ColumnType::Numeric => {
            let text = numeric::text(field);
            if text.ends_with(|c: char| c.is_ascii_digit()) {
                text
            } else {
                quoted(&text)
            }
        }
        ColumnType::Timestamptz => time(i64::from_be_bytes(bytes(field)), "Z"),
        ColumnType::Timestamp => time(i64::from_be_bytes(bytes(field)), ""),
        ColumnType::Date => date(i32::from_be_bytes(bytes(field))),
        ColumnType::Time => {
            let micros = i64::from_be_bytes(bytes(field));
            match moment(micros % MICROS_PER_DAY) {
                // A day may end with this time.
                Some(_) if micros == MICROS_PER_DAY => quoted("24:00:00"),
                Some(moment) => quoted(&moment.time().to_string()),
                None => quoted(BEYOND),
            }
        }
        ColumnType::Uuid => quoted(&Uuid::from_bytes(bytes(field)).to_string()),
        ColumnType::Bytea => quoted(&hex::bytea(field)),
        ColumnType::Jsonb => json(&String::from_utf8_lossy(field.get(1..).unwrap_or_default())),
    });
    out.push_str(shown.as_deref().unwrap_or("null"));
}

/// Text for a time that this calendar does not have.
const BEYOND: &str = "beyond the year 9999";

/// The bytes of a field of fixed length, as the encoder has written them.
fn bytes<const N: usize>(field: &[u8]) -> [u8; N] {
    field.try_into().unwrap_or([0; N])
}

/// Quotes a text; one can always be written.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn float<F: Copy + serde::Serialize>(number: F, wide: impl Fn(F) -> f64) -> String {
    match numeric::word(wide(number)) {
        Some(word) => quoted(word),
        None => serde_json::to_string(&number).unwrap_or_default(),
    }
}

fn time(micros: i64, zone: &str) -> String {
    match moment(micros) {
        _ if micros == i64::MAX => quoted("infinity"),
        _ if micros == i64::MIN => quoted("-infinity"),
        Some(moment) => quoted(&format!("{moment}{zone}")),
        None => quoted(BEYOND),
    }
}

fn date(days: i32) -> String {
    match moment(i64::from(days) * MICROS_PER_DAY) {
        _ if days == i32::MAX => quoted("infinity"),
        _ if days == i32::MIN => quoted("-infinity"),
        Some(moment) => quoted(&moment.date().to_string()),
        None => quoted(BEYOND),
    }
}

/// Returns JSON on one line. What only the server would have refused stays a text.
fn json(raw: &str) -> String {
    match serde_json::from_str::<IgnoredAny>(raw) {
        // Line breaks are only between its parts.
        Ok(_) => raw.replace(['\n', '\r'], " "),
        Err(_) => quoted(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ColumnType::*;
    use crate::decode::encode_json;

    fn shown(kind: ColumnType, raw: &str) -> String {
        let (mut field, mut out) = (Vec::new(), String::new());
        let present = encode_json(kind, None, raw, &mut field).unwrap();
        show_json(kind, present.then_some(&field), &mut out);
        out
    }

    #[test]
    fn values_come_back() {
        for (kind, raw) in [
            (Text, r#""<a \"é\">\n""#),
            (Text, "null"),
            (Boolean, "false"),
            (Smallint, "-7"),
            (Integer, "2147483647"),
            (Bigint, "-9007199254740993"),
            (Real, "0.1"),
            (DoublePrecision, "1e+300"),
            (DoublePrecision, r#""-Infinity""#),
            (Numeric, "-12345678901234567890.000100"),
            (Numeric, r#""NaN""#),
            (Timestamptz, r#""2026-03-01T12:00:00.000001Z""#),
            (Timestamptz, r#""1969-12-31T23:59:59Z""#),
            (Timestamptz, r#""infinity""#),
            (Timestamp, r#""2026-03-01T12:00:00""#),
            (Date, r#""1999-12-31""#),
            (Date, r#""-infinity""#),
            (Time, r#""23:59:59.5""#),
            (Time, r#""24:00:00""#),
            (Uuid, r#""00000000-0000-0000-0000-0000000000ff""#),
            (Bytea, r#""\\x00ff""#),
            (Jsonb, r#"{"a":[1,{}]}"#),
        ] {
            assert_eq!(shown(kind, raw), raw, "{kind}");
        }
    }

    #[test]
    fn a_line_of_its_own() {
        assert_eq!(shown(Jsonb, "[1,\n2]"), "[1, 2]");
        assert_eq!(shown(Jsonb, "[01]"), "\"[01]\"", "what is no JSON is a text");
        assert_eq!(shown(Timestamptz, "\"20000-01-01T00:00:00Z\""), "\"beyond the year 9999\"");
    }
}
