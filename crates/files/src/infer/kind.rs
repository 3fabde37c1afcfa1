//! The kind of a single value.

use tally_postgres::pgtype::moment::Moment;

/// Number of significant digits up to which every decimal number survives conversion to a double and back.
const SAFE_DIGITS: u32 = 15;
/// Number of significant digits that a double needs at most.
const MOST_DIGITS: u32 = 17;

/// The kind of a single value: the narrowest type that keeps it as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true`, `false`, `yes`, `no` in any case.
    Boolean,
    /// `t`.
    LetterT,
    /// `f`.
    LetterF,
    /// A whole number without leading zeros.
    Integer(i64),
    /// A whole number that is too long for `bigint`.
    LongInteger,
    /// A number with a decimal point and few enough digits for a double to keep.
    Decimal,
    /// The text of a double that has more digits, or an exponent.
    Double,
    /// A whole number with an exponent and no sign: `1E5`, which may be an identifier.
    Code,
    /// A number of more digits, or a larger one, than a double keeps.
    LongDecimal,
    /// NaN and the infinities.
    NotFinite,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// A date and time without zone.
    Timestamp,
    /// A date and time with zone.
    Timestamptz,
    /// A UUID with hyphens.
    Uuid,
    /// Text: anything else.
    Text,
}

impl Kind {
    /// Returns the kind of a value that is neither NULL nor empty.
    pub fn of(value: &[u8]) -> Self {
        match value[0] {
            b'0'..=b'9' | b'-' | b'.' => number(value)
                .or_else(|| moment(value))
                .or_else(|| uuid(value))
                .or_else(|| word(value))
                .unwrap_or(Self::Text),
            _ => word(value).or_else(|| uuid(value)).unwrap_or(Self::Text),
        }
    }

    /// Returns the kind of a date or time.
    pub fn of_moment(moment: Moment) -> Self {
        match moment {
            Moment::Date(_) => Self::Date,
            Moment::Time(_) => Self::Time,
            Moment::Timestamp(_) => Self::Timestamp,
            Moment::Timestamptz(_) => Self::Timestamptz,
        }
    }

    /// Whether it is a number that has digits.
    pub fn is_number(self) -> bool {
        use Kind::*;
        matches!(self, Integer(_) | LongInteger | Decimal | Double | LongDecimal | Code)
    }
}

fn word(value: &[u8]) -> Option<Kind> {
    Some(match value {
        b"t" => Kind::LetterT,
        b"f" => Kind::LetterF,
        b"NaN" | b"nan" | b"Infinity" | b"-Infinity" | b"inf" | b"-inf" => Kind::NotFinite,
        _ if ["true", "false", "yes", "no"].iter().any(|w| value.eq_ignore_ascii_case(w.as_bytes())) => {
            Kind::Boolean
        }
        _ => return None,
    })
}

fn moment(value: &[u8]) -> Option<Kind> {
    Moment::parse(value).ok().map(Kind::of_moment)
}

fn uuid(value: &[u8]) -> Option<Kind> {
    let is_fit = |(i, b): (usize, &u8)| match i {
        8 | 13 | 18 | 23 => *b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    (value.len() == 36 && value.iter().enumerate().all(is_fit)).then_some(Kind::Uuid)
}

/// Reads a number as programs write them: not `007` or `+1`, which a number type would not print again.
fn number(value: &[u8]) -> Option<Kind> {
    let (negative, unsigned) = match value {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, value),
    };
    let whole = unsigned.iter().take_while(|b| b.is_ascii_digit()).count();
    if whole > 1 && unsigned[0] == b'0' {
        return None;
    }
    if whole == unsigned.len() {
        return (whole > 0).then(|| integer(negative, unsigned));
    }
    let after = &unsigned[whole..];
    let fraction = match after {
        [b'.', rest @ ..] => rest.iter().take_while(|b| b.is_ascii_digit()).count(),
        _ => 0,
    };
    let point = usize::from(after[0] == b'.');
    if whole + fraction == 0 {
        return None;
    }
    let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let (exponent, sign) = match &after[point + fraction..] {
        [] => (false, false),
        [b'e' | b'E', b'+' | b'-', digits @ ..] if is_number(digits) => (true, true),
        [b'e' | b'E', digits @ ..] if is_number(digits) => (true, false),
        _ => return None,
    };
    let digits = significant_digits(unsigned[..whole].iter().chain(&after[point..point + fraction]));
    Some(if !exponent && digits <= SAFE_DIGITS {
        Kind::Decimal
    } else if digits <= MOST_DIGITS && is_double(value, digits) {
        if point + usize::from(sign) + usize::from(negative) == 0 {
            Kind::Code
        } else {
            Kind::Double
        }
    } else {
        Kind::LongDecimal
    })
}

fn integer(negative: bool, digits: &[u8]) -> Kind {
    if digits.len() > 19 {
        return Kind::LongInteger;
    }
    let magnitude = digits.iter().fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
    match (negative, i64::try_from(magnitude)) {
        (true, Ok(0)) => Kind::Decimal, // -0, which integers do not have
        (true, Ok(n)) => Kind::Integer(-n),
        (true, Err(_)) if magnitude == i64::MIN.unsigned_abs() => Kind::Integer(i64::MIN),
        (false, Ok(n)) => Kind::Integer(n),
        _ => Kind::LongInteger,
    }
}

/// Counts digits without leading zeros; trailing ones count, for they are written.
fn significant_digits<'a>(digits: impl Iterator<Item = &'a u8>) -> u32 {
    digits.skip_while(|b| **b == b'0').count().try_into().unwrap_or(u32::MAX)
}

/// Whether a double keeps the number: it is finite, and its shortest text, or that of 17 digits, is the same.
pub fn is_double(value: &[u8], digits: u32) -> bool {
    let Some(number) = std::str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok()) else {
        return false;
    };
    if !number.is_finite() {
        return false;
    }
    if number == 0.0 {
        return significant_digits(
            value.iter().take_while(|b| **b | 32 != b'e').filter(|b| b.is_ascii_digit()),
        ) == 0;
    }
    if digits <= SAFE_DIGITS && number.is_normal() {
        return true;
    }
    // Where two shortest texts are equally near, programs differ; and some write all 17 digits.
    let is = |text: &str| significand(text.as_bytes()).eq(significand(value));
    is(ryu::Buffer::new().format_finite(number))
        || is(&format!("{number:e}"))
        || digits == MOST_DIGITS && is(&format!("{number:.16e}"))
}

/// The digits of a number without the zeros at either end.
fn significand(number: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mantissa = number.split(|b| *b | 32 == b'e').next().unwrap_or(number);
    let digits = || mantissa.iter().filter(|b| b.is_ascii_digit());
    let last = digits().count() - digits().rev().take_while(|b| **b == b'0').count();
    digits().take(last).skip_while(|b| **b == b'0').copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::*;

    #[test]
    fn kinds() {
        for (value, kind) in [
            ("0", Integer(0)),
            ("-32768", Integer(-32768)),
            ("9223372036854775807", Integer(i64::MAX)),
            ("-9223372036854775808", Integer(i64::MIN)),
            ("9223372036854775808", LongInteger),
            ("99999999999999999999999999", LongInteger),
            ("-0", Decimal),
            ("12.50", Decimal),
            (".5", Decimal),
            ("5.", Decimal),
            ("0.000000000000000000001", Decimal),
            ("30.7259226213843", Decimal),
            ("30.72592262138431", Double),
            ("0.30000000000000004", Double),
            ("10619259754784.562", Double),
            ("10619259754784.563", Double),
            ("10619259754784.565", LongDecimal),
            ("0.10000000000000001", Double),
            ("0.1000000000000000055511151231257827", LongDecimal),
            ("9007199254740993.0", LongDecimal),
            ("1e5", Code),
            ("12E03", Code),
            ("1e+5", Double),
            ("-1e5", Double),
            ("1.e5", Double),
            ("1E-7", Double),
            ("-1.5e+300", Double),
            ("5e-324", Double),
            ("5e324", LongDecimal),
            ("4e-324", LongDecimal),
            ("1e400", LongDecimal),
            ("1e-400", LongDecimal),
            ("0e-400", Double),
            ("NaN", NotFinite),
            ("-inf", NotFinite),
            ("007", Text),
            ("-01.5", Text),
            ("+1", Text),
            ("1,5", Text),
            ("1e", Text),
            ("-", Text),
            (".", Text),
            ("1_000", Text),
            ("0x10", Text),
            ("TRUE", Boolean),
            ("No", Boolean),
            ("t", LetterT),
            ("f", LetterF),
            ("T", Text),
            ("y", Text),
            ("2024-02-29", Date),
            ("2023-02-29", Text),
            ("12:30", Time),
            ("2024-02-29 12:30", Timestamp),
            ("2024-02-29T12:30:00Z", Timestamptz),
            ("6f9619ff-8b86-d011-b42d-00cf4fc964ff", Uuid),
            ("AF9619FF-8B86-D011-B42D-00CF4FC964FF", Uuid),
            ("6f9619ff8b86d011b42d00cf4fc964ff", Text),
            (" 1", Text),
            ("naïve", Text),
        ] {
            assert_eq!(Kind::of(value.as_bytes()), kind, "{value}");
        }
    }
}
