//! Evidence about the values of a field, and the type inferred from it: feeds write numbers as strings, and times as
//! numbers.

use tally_postgres::pgtype::numeric;

use crate::config::{ColumnType, Unit};
use crate::decode::value::Value;
use crate::decode::{time, Digits};

/// The units of times that are numbers, each with its number per second.
const UNITS: [(Unit, f64); 4] = [(Unit::S, 1e0), (Unit::Ms, 1e3), (Unit::Us, 1e6), (Unit::Ns, 1e9)];

/// The seconds since 1970 in which a number counts as a time: from September 2001 to 2100. The ranges of different
/// units do not overlap.
const TIMES: std::ops::Range<f64> = 1e9..4.1e9;

/// The distance from the message's timestamp, in seconds, within which a number is a time, whatever the name of its
/// field.
const NEAR_SECONDS: f64 = 86_400.0;

/// Words in the names of fields that hold times.
const TIME_WORDS: [&str; 6] = ["time", "timestamp", "ts", "at", "date", "datetime"];

/// The evidence about one field.
#[derive(Debug, Clone, Default)]
pub struct FieldEvidence {
    nested: bool,
    booleans: bool,
    /// Whether there are texts that are just words.
    words: bool,
    /// Whether there are texts that are instants.
    instants: bool,
    /// Whether there are empty texts.
    empty: bool,
    /// Whether there are texts that are numbers.
    quoted: bool,
    numbers: Option<Numbers>,
    digits: Digits,
}

/// The evidence about the field's numbers, quoted or not.
#[derive(Debug, Clone)]
struct Numbers {
    all_whole: bool,
    /// Whether double precision holds each number exactly as it is written.
    all_exact: bool,
    /// For each unit, whether all numbers are times in it.
    times: [bool; 4],
    /// For each unit, whether all numbers are near the timestamps of their messages.
    near: [bool; 4],
}

/// A type, and how its values are read.
#[derive(Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// The type.
    pub kind: ColumnType,
    /// The unit of numbers that are times.
    pub unit: Option<Unit>,
    /// Whether empty texts mean NULL.
    pub empty_is_null: bool,
}

impl FieldEvidence {
    /// Notes a value that is not null, from a message with this timestamp in milliseconds since 1970.
    pub fn note(&mut self, raw: &str, timestamp: Option<i64>) {
        match Value::parse(raw) {
            Ok(Value::Nested(_)) => self.nested = true,
            Ok(Value::Boolean(_)) => self.booleans = true,
            Ok(Value::Number(text)) => self.note_number(&text, timestamp),
            Ok(Value::Text(text)) if text.is_empty() => self.empty = true,
            Ok(Value::Text(text)) if is_plain_number(&text) => {
                self.quoted = true;
                self.note_number(&text, timestamp);
            }
            Ok(Value::Text(text)) if time::is_instant(&text) => self.instants = true,
            Ok(Value::Text(_)) | Err(_) => self.words = true,
        }
    }

    /// Adds what was seen of the field elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.nested |= other.nested;
        self.booleans |= other.booleans;
        self.words |= other.words;
        self.instants |= other.instants;
        self.empty |= other.empty;
        self.quoted |= other.quoted;
        self.digits.merge(&other.digits);
        match (&mut self.numbers, &other.numbers) {
            (Some(numbers), Some(others)) => numbers.merge(others),
            (None, others) => self.numbers = others.clone(),
            (Some(_), None) => {}
        }
    }

    /// Returns the digits of its numbers.
    pub fn digits(&self) -> Digits {
        self.digits
    }

    fn note_number(&mut self, text: &str, timestamp: Option<i64>) {
        let number: f64 = text.parse().unwrap_or(f64::NAN);
        let numbers = self.numbers.get_or_insert(Numbers {
            all_whole: true,
            all_exact: true,
            times: [true; 4],
            near: [true; 4],
        });
        self.digits.note(text.as_bytes());
        numbers.all_whole &= text.parse::<i64>().is_ok();
        numbers.all_exact = numbers.all_exact && is_exact(text, number);
        for (at, (_, per_second)) in UNITS.iter().enumerate() {
            let seconds = number / per_second;
            numbers.times[at] &= TIMES.contains(&seconds);
            numbers.near[at] &=
                timestamp.is_some_and(|millis| (seconds - millis as f64 / 1e3).abs() < NEAR_SECONDS);
        }
    }

    /// Infers the type of a field of this name; None if all its values are null.
    pub fn conclude(&self, name: &str) -> Option<Conclusion> {
        let plain = |kind| Some(Conclusion { kind, unit: None, empty_is_null: false });
        let Self { nested, booleans, words, instants, empty, quoted, numbers, .. } = self;
        match numbers {
            _ if *nested => plain(ColumnType::Jsonb),
            None if !words && !instants && !booleans && !empty => None,
            None if *booleans && !words && !instants && !empty => plain(ColumnType::Boolean),
            None if *instants && !words && !booleans => {
                Some(Conclusion { kind: ColumnType::Timestamptz, unit: None, empty_is_null: *empty })
            }
            Some(numbers) if !words && !instants && !booleans => {
                let (kind, unit) = numbers.conclude(name, *quoted || *empty);
                let empty_is_null = *empty && kind != ColumnType::Text;
                Some(Conclusion { kind, unit, empty_is_null })
            }
            // Text holds every scalar as it is written.
            _ => plain(ColumnType::Text),
        }
    }
}

impl Numbers {
    fn merge(&mut self, other: &Self) {
        self.all_whole &= other.all_whole;
        self.all_exact &= other.all_exact;
        for at in 0..UNITS.len() {
            self.times[at] &= other.times[at];
            self.near[at] &= other.near[at];
        }
    }

    fn conclude(&self, name: &str, quoted: bool) -> (ColumnType, Option<Unit>) {
        let words: Vec<&str> = name.split('_').collect();
        let is_called_time = words.iter().any(|word| TIME_WORDS.contains(word));
        let units = UNITS.iter().zip(self.times.iter().zip(&self.near));
        let unit = units.into_iter().find(|(_, (time, near))| **time && (is_called_time || **near));
        match unit {
            Some(((unit, _), _)) => (ColumnType::Timestamptz, Some(*unit)),
            // Later identifiers may contain letters, and nobody adds identifiers up.
            None if quoted && self.all_whole && words.last() == Some(&"id") => (ColumnType::Text, None),
            None if quoted => (ColumnType::Numeric, None),
            None if self.all_whole => (ColumnType::Bigint, None),
            None if self.all_exact => (ColumnType::DoublePrecision, None),
            None => (ColumnType::Numeric, None),
        }
    }
}

/// Returns the unit in which a number is a time from September 2001 to 2100.
pub fn unit_of(number: f64) -> Option<Unit> {
    let is_time = |(_, per_second): &&(Unit, f64)| TIMES.contains(&(number / per_second));
    UNITS.iter().find(is_time).map(|(unit, _)| *unit)
}

/// Whether a text loses nothing as a number: `-1.50` and `0.5e-3` lose nothing; `007`, `+41` and `NaN` do.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let has_zeros = digits.starts_with('0') && !(digits == "0" || digits.starts_with("0."));
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && !has_zeros
        && numeric::encode(text, &mut Vec::new()).is_ok()
}

/// Whether double precision keeps all digits of a number but trailing zeros.
fn is_exact(text: &str, number: f64) -> bool {
    let digits = |text: &str| {
        let mut bytes = Vec::new();
        numeric::encode(text, &mut bytes).ok()?;
        bytes.drain(6..8); // how many digits to show after the point
        Some(bytes)
    };
    number.is_finite() && digits(text).is_some_and(|exact| digits(&number.to_string()) == Some(exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The broker's timestamp of the messages: 2026-01-01.
    const NOW: i64 = 1_767_225_600_000;

    fn concluded(name: &str, values: &[&str]) -> String {
        let mut evidence = FieldEvidence::default();
        values.iter().for_each(|raw| evidence.note(raw, Some(NOW)));
        let Some(Conclusion { kind, unit, empty_is_null }) = evidence.conclude(name) else {
            return "-".into();
        };
        let unit = unit.map(|unit| format!(" {unit:?}")).unwrap_or_default();
        format!("{kind}{unit}{}", if empty_is_null { " or empty" } else { "" })
    }

    #[test]
    fn numbers_that_doubles_would_round_stay_exact() {
        for (values, expected) in [
            (&["9007199254740993", "0.5"][..], "numeric"),
            (&["0.1234567890123456789"], "numeric"),
            (&["1e400"], "numeric"),
            (&["0.1", "1.50", "0.30000000000000004", "2"], "double precision"),
            (&["1", "2"], "bigint"),
            (&["1", "99999999999999999999"], "numeric"),
        ] {
            assert_eq!(concluded("x", values), expected, "{values:?}");
        }
    }

    #[test]
    fn numbers_in_strings() {
        for (name, values, expected) in [
            ("price", &["\"19400.10\"", "\"5\""][..], "numeric"),
            ("price", &["\"19400.10\"", "\"\""], "numeric or empty"),
            ("price", &["\"1.5\"", "2"], "numeric"),
            ("price", &["\"1.5\"", "\"n/a\""], "text"),
            ("trade_id", &["\"428000001\""], "text"),
            ("zip", &["\"01234\""], "text"),
            ("phone", &["\"+4178\""], "text"),
            ("x", &["\"NaN\""], "text"),
            ("x", &["\"\""], "text"),
            ("x", &["\"1.\""], "text"),
            ("x", &["true", "1"], "text"),
        ] {
            assert_eq!(concluded(name, values), expected, "{name} {values:?}");
        }
    }

    #[test]
    fn times_are_known_by_their_magnitude_and_by_their_name_or_the_message() {
        for (name, values, expected) in [
            ("t", &["1767225600"][..], "timestamptz S"),
            ("t", &["1767225600.123"], "timestamptz S"),
            ("e", &["1767225600123", "1767225601123"], "timestamptz Ms"),
            ("ts", &["\"1767225600123456\"", "\"\""], "timestamptz Us or empty"),
            ("n", &["1767225600123456789"], "timestamptz Ns"),
            // Years before the message: only the field's name shows that this is a time.
            ("event_time", &["1367225600123"], "timestamptz Ms"),
            ("order", &["1367225600123"], "bigint"),
            ("event_time", &["0", "1367225600123"], "bigint"),
            ("at", &["\"2026-01-01T00:00:00Z\"", "\"\""], "timestamptz or empty"),
            ("at", &["\"2026-01-01T00:00:00Z\"", "1767225600"], "text"),
            ("until", &["\"2026-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59Z\""], "timestamptz"),
        ] {
            assert_eq!(concluded(name, values), expected, "{name} {values:?}");
        }
    }
}
