//! Numbers: the exact binary form of numeric from decimal text, in digits of base 10000, and texts of numbers.

use num_bigint::BigInt;

use super::Problem;

/// PostgreSQL's limit on digits before the decimal point.
const MAX_INTEGER_DIGITS: i64 = 131_072;
/// PostgreSQL's limit on digits after the decimal point.
pub const MAX_SCALE: i64 = 16_383;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
/// The scale that PostgreSQL sends with an infinity.
const SCALE_OF_INFINITY: u16 = 32;

/// Appends the binary form of a number such as `-12.50` or `1e3`, or of NaN and the infinities.
pub fn encode(text: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    match text {
        "NaN" => return put(&[], 0, NAN, 0, out),
        "Infinity" | "+Infinity" => return put(&[], 0, INFINITY, SCALE_OF_INFINITY, out),
        "-Infinity" => return put(&[], 0, NEGATIVE_INFINITY, SCALE_OF_INFINITY, out),
        _ => {}
    }
    let (sign, unsigned) = match text.as_bytes() {
        [b'-', ..] => (NEGATIVE, &text[1..]),
        [b'+', ..] => (0, &text[1..]),
        _ => (0, text),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let decimals: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if decimals.is_empty() || !decimals.iter().all(u8::is_ascii_digit) {
        return Err(Problem::Syntax);
    }
    let exponent = parse_exponent(exponent)?;
    let scale = (fraction.len() as i64 - exponent).max(0);
    let leading_zeros = decimals.iter().take_while(|d| **d == b'0').count();
    let significant = &decimals[leading_zeros..];
    // The place of the first digit: 0 is the one just before the decimal point.
    let place = whole.len() as i64 + exponent - leading_zeros as i64 - 1;
    if scale > MAX_SCALE || (!significant.is_empty() && place >= MAX_INTEGER_DIGITS) {
        return Err(Problem::Range);
    }
    if significant.is_empty() {
        return put(&[], 0, 0, scale as u16, out);
    }
    let weight = place.div_euclid(4);
    put(&base_10000(significant, place.rem_euclid(4) as usize), weight as i16, sign, scale as u16, out)
}

fn parse_exponent(text: &str) -> Result<i64, Problem> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::Syntax);
    }
    match text.parse::<i32>() {
        Ok(exponent) => Ok(exponent.into()),
        Err(_) => Err(Problem::Range),
    }
}

/// Groups decimal digits by four; the first group holds `first_place + 1` of them.
fn base_10000(decimals: &[u8], first_place: usize) -> Vec<u16> {
    let (head, tail) = decimals.split_at(decimals.len().min(first_place + 1));
    let value = |digits: &[u8]| digits.iter().fold(0u16, |sum, d| sum * 10 + u16::from(d - b'0'));
    let scaled = |digits: &[u8], width: usize| value(digits) * 10u16.pow((width - digits.len()) as u32);
    let mut groups = vec![scaled(head, first_place + 1)];
    groups.extend(tail.chunks(4).map(|chunk| scaled(chunk, 4)));
    while groups.last() == Some(&0) {
        groups.pop();
    }
    groups
}

fn put(digits: &[u16], weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>) -> Result<(), Problem> {
    let count = u16::try_from(digits.len()).map_err(|_| Problem::Range)?;
    let head =
        [count, weight as u16, sign, scale].into_iter().fold(0, |head, word| (head << 16) | u64::from(word));
    out.extend_from_slice(&head.to_be_bytes());
    for digit in digits {
        out.extend_from_slice(&digit.to_be_bytes());
    }
    Ok(())
}

/// Writes a number whose last `scale` digits are after the point; `unscaled` is big-endian, in two's complement.
pub fn decimal(unscaled: &[u8], scale: usize) -> String {
    let digits = BigInt::from_signed_bytes_be(unscaled).to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// Returns a numeric times a power of ten; none if it is no number, or has more digits after the point or in all.
pub fn unscaled(value: &[u8], scale: u16) -> Option<i128> {
    short_unscaled(value, scale).map(i128::from).or_else(|| long_unscaled(value, scale))
}

fn long_unscaled(value: &[u8], scale: u16) -> Option<i128> {
    let word = |at: usize| u16::from_be_bytes([value[2 * at], value[2 * at + 1]]);
    let (count, weight, sign) = (usize::from(word(0)), i32::from(word(1) as i16), word(2));
    if !matches!(sign, 0 | NEGATIVE) {
        return None;
    }
    let mut number = 0i128;
    for at in 0..count {
        let digit = i128::from(word(4 + at));
        // The digit counts this power of ten, in units of the last place.
        let power = 4 * (weight - at as i32) + i32::from(scale);
        let part = match u32::try_from(power) {
            Ok(power) => digit.checked_mul(10i128.checked_pow(power)?)?,
            Err(_) => {
                let divisor = 10i128.checked_pow(power.unsigned_abs())?;
                (digit % divisor == 0).then_some(digit / divisor)?
            }
        };
        number = number.checked_add(part)?;
    }
    Some(if sign == NEGATIVE { -number } else { number })
}

/// Returns a numeric of few digits as a whole number and its scale: the number times that power of ten; none if it has
/// many, or is no number.
#[inline]
pub fn short(value: &[u8]) -> Option<(i64, u16)> {
    let scale = u16::from_be_bytes(*value.get(6..)?.first_chunk()?);
    short_unscaled(value, scale).map(|number| (number, scale))
}

/// [`unscaled`] of a number of few digits; none if it has many.
#[inline]
fn short_unscaled(value: &[u8], scale: u16) -> Option<i64> {
    // Four digits of base 10000 are less than 2^54.
    const MOST: usize = 4;
    let (head, digits) = value.split_first_chunk::<8>()?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (weight, sign) = (i32::from(word(2) as i16), word(4));
    if digits.len() > 2 * MOST || !matches!(sign, 0 | NEGATIVE) {
        return None;
    }
    let words = digits.chunks_exact(2).map(|pair| i64::from(u16::from_be_bytes([pair[0], pair[1]])));
    let number = words.fold(0, |number, digit| number * 10_000 + digit);
    // The last digit counts this power of ten, in units of the last place.
    let power = 4 * (weight - digits.len() as i32 / 2 + 1) + i32::from(scale);
    let factor = 10i64.checked_pow(power.unsigned_abs())?;
    let number = match power >= 0 {
        true => number.checked_mul(factor)?,
        false => (number % factor == 0).then_some(number / factor)?,
    };
    Some(if sign == NEGATIVE { -number } else { number })
}

/// Appends the binary form of a whole number divided by a power of ten: the inverse of [`unscaled`].
pub fn encode_unscaled(number: i128, scale: u16, out: &mut Vec<u8>) -> Result<(), Problem> {
    let groups = scale.div_ceil(4);
    let whole_groups = 10u64.pow(u32::from(4 * groups - scale));
    match u64::try_from(number.unsigned_abs()).ok().and_then(|short| short.checked_mul(whole_groups)) {
        Some(short) => encode_groups(short, groups, number < 0, scale, out),
        None => encode_long(number, scale, out),
    }
}

/// [`encode_unscaled`] of a number in units of the last of `groups` groups of four digits after the point.
fn encode_groups(
    number: u64,
    groups: u16,
    is_negative: bool,
    scale: u16,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    // From the first digit to the last one, the zeros at both ends left out.
    let (mut digits, mut rest, mut first) = ([0; 5], number, 5);
    while rest > 0 {
        first -= 1;
        digits[first] = (rest % 10_000) as u16;
        rest /= 10_000;
    }
    let Some(last) = digits.iter().rposition(|digit| *digit > 0) else { return put(&[], 0, 0, scale, out) };
    let (weight, sign) = (4 - first as i16 - groups as i16, if is_negative { NEGATIVE } else { 0 });
    put(&digits[first..=last], weight, sign, scale, out)
}

fn encode_long(number: i128, scale: u16, out: &mut Vec<u8>) -> Result<(), Problem> {
    let unit = 10u128.checked_pow(scale.into()).ok_or(Problem::Range)?;
    let (mut whole, mut fraction) = (number.unsigned_abs() / unit, number.unsigned_abs() % unit);
    let mut digits = Vec::new();
    while whole > 0 {
        digits.push((whole % 10_000) as u16);
        whole /= 10_000;
    }
    digits.reverse();
    let mut weight = digits.len() as i16 - 1; // at most ten groups
    let mut left = u32::from(scale);
    while fraction > 0 {
        let below = 10u128.pow(left.saturating_sub(4));
        digits.push((fraction / below) as u16 * 10u16.pow(4 - left.min(4)));
        fraction %= below;
        left = left.saturating_sub(4);
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    weight -= zeros as i16;
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let (weight, sign) = match digits.is_empty() {
        true => (0, 0),
        false => (weight, if number < 0 { NEGATIVE } else { 0 }),
    };
    put(&digits, weight, sign, scale, out)
}

/// Returns the text of a number from its binary form, as PostgreSQL writes it.
pub fn text(binary: &[u8]) -> String {
    let word = |at: usize| u16::from_be_bytes([binary[2 * at], binary[2 * at + 1]]);
    let (count, weight, sign, scale) = (word(0), i32::from(word(1) as i16), word(2), usize::from(word(3)));
    match sign {
        NAN => return "NaN".into(),
        INFINITY => return "Infinity".into(),
        NEGATIVE_INFINITY => return "-Infinity".into(),
        _ => {}
    }
    let digit = |place: i32| match usize::try_from(weight - place) {
        Ok(at) if at < usize::from(count) => word(4 + at),
        _ => 0,
    };
    let whole: String = (0..=weight.max(0)).rev().map(|place| format!("{:04}", digit(place))).collect();
    let groups = scale.div_ceil(4) as i32;
    let fraction: String = (1..=groups).map(|place| format!("{:04}", digit(-place))).collect();
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let point = if scale > 0 { "." } else { "" };
    let minus = if sign == NEGATIVE { "-" } else { "" };
    format!("{minus}{whole}{point}{}", &fraction[..scale])
}

/// The word for a number that has no digits: NaN or an infinity.
pub fn word(number: f64) -> Option<&'static str> {
    match number {
        _ if number.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<i16> {
        let mut out = Vec::new();
        encode(text, &mut out).unwrap();
        out.chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn texts_of_binary_forms() {
        for number in [
            "0",
            "-12.50",
            "0.0001",
            "10000",
            "100000000.5",
            "-0.00000001",
            "99999",
            "0.00",
            "NaN",
            "-Infinity",
        ] {
            let mut binary = Vec::new();
            assert!(encode(number, &mut binary).is_ok());
            assert_eq!(text(&binary), number);
        }
    }

    #[test]
    fn digits_weight_sign_scale() {
        // The fields that PostgreSQL's `numeric_send` writes: count, weight, sign, scale, digits.
        assert_eq!(fields("0"), [0, 0, 0, 0]);
        assert_eq!(fields("-0.00"), [0, 0, 0, 2]);
        assert_eq!(fields("12345.678"), [3, 1, 0, 3, 1, 2345, 6780]);
        assert_eq!(fields("-0.00012"), [2, -1, NEGATIVE as i16, 5, 1, 2000]);
        assert_eq!(fields("1e4"), [1, 1, 0, 0, 1]);
        assert_eq!(fields("100000000"), [1, 2, 0, 0, 1]);
        assert_eq!(fields("0.0015"), [1, -1, 0, 4, 15]);
        assert_eq!(fields("1.5E-3"), [1, -1, 0, 4, 15]);
    }

    #[test]
    fn refusals() {
        for text in ["", "-", ".", "1x", "1e", "0x10", "1_000", " 1", "e99999999999"] {
            assert_eq!(encode(text, &mut Vec::new()), Err(Problem::Syntax), "{text:?}");
        }
        for text in ["1e131072", "1e-16384", "1e99999999999"] {
            assert_eq!(encode(text, &mut Vec::new()), Err(Problem::Range), "{text:?}");
        }
        assert_eq!(encode("1e131071", &mut Vec::new()), Ok(()));
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal(&[], 0), "0");
        assert_eq!(decimal(&[7], 0), "7");
        assert_eq!(decimal(&[5], 2), "0.05");
        assert_eq!(decimal(&[0xff], 0), "-1");
        assert_eq!(decimal(&[0xcf, 0xc7], 3), "-12.345");
        assert_eq!(decimal(&[0xff, 0x38], 24), "-0.000000000000000000000200");
        assert_eq!(decimal(&[0x7f; 17], 24).len(), "169222221514829.".len() + 2 + 24);
    }

    fn binary(text: &str) -> Vec<u8> {
        let mut value = Vec::new();
        assert!(encode(text, &mut value).is_ok());
        value
    }

    #[test]
    fn numerics_as_whole_numbers() {
        for (text, scale, expected) in [
            ("12.50", 2, Some(1250)),
            ("-0.0001", 4, Some(-1)),
            ("12345678.9", 1, Some(123_456_789)),
            ("100000000", 0, Some(100_000_000)),
            ("0", 3, Some(0)),
            ("0.05", 1, None),
            ("99999999999999999999999999999999999999", 0, Some(10i128.pow(38) - 1)),
            ("NaN", 2, None),
        ] {
            assert_eq!(unscaled(&binary(text), scale), expected, "{text}");
            assert_eq!(long_unscaled(&binary(text), scale), expected, "{text}");
        }
        for (text, expected) in [
            ("-12.50", Some((-1250, 2))),
            ("9999999999999999", Some((9_999_999_999_999_999, 0))),
            ("100000000000000000000", None),
            ("10000000000000.000000", None),
            ("0.00", Some((0, 2))),
            ("12345678901234567", None),
            ("-Infinity", None),
        ] {
            assert_eq!(short(&binary(text)), expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers_as_numerics() {
        let mut texts: Vec<String> =
            ["0", "7", "-1", "10000", "99990000", "0.1", "-0.0001", "0.00000001"].map(String::from).into();
        texts.extend(["12.50", "100000000.00", "-20000.0300", "0.00000", "1234567.891"].map(String::from));
        texts.extend([
            format!("0.{}1", "0".repeat(37)),
            "9".repeat(38),
            format!("-{}.{}", "9".repeat(19), "9".repeat(19)),
        ]);
        for text in texts {
            let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len()) as u16;
            let value = binary(&text);
            let number = unscaled(&value, scale);
            let mut again = Vec::new();
            assert!(
                number.is_some_and(|number| encode_unscaled(number, scale, &mut again).is_ok()),
                "{text}"
            );
            assert_eq!(again, value, "{text}");
            again.clear();
            assert!(encode_long(number.unwrap_or(0), scale, &mut again).is_ok());
            assert_eq!(again, value, "{text}");
        }
    }
}
