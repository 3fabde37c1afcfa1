//! The notation of numbers and times in a file.

use std::borrow::Cow;

use tally_postgres::pgtype::moment::Moment;

use super::date_format::DateFormat;
use crate::infer::Kind;

/// The way in which numbers and times are written.
#[derive(Debug, Clone)]
pub struct Notation {
    /// The sign between the whole and the fraction of a number: a point or a comma.
    pub decimal: char,
    /// Formats of dates and times; the first that fits counts.
    pub dates: Vec<DateFormat>,
    /// The offset from UTC, in microseconds, of times that have none of their own.
    pub zone: Option<i64>,
}

impl Default for Notation {
    fn default() -> Self {
        Self { decimal: '.', dates: Vec::new(), zone: None }
    }
}

impl Notation {
    /// Returns the kind of a value that is neither NULL nor empty.
    pub fn kind(&self, value: &[u8]) -> Kind {
        if self.decimal == '.' && self.dates.is_empty() {
            return Kind::of(value);
        }
        let kind = match self.decimal {
            '.' => Kind::of(value),
            _ => match self.number(&String::from_utf8_lossy(value)) {
                Some(number) if !number.is_empty() => Kind::of(number.as_bytes()),
                _ => Some(Kind::of(value)).filter(|kind| !kind.is_number()).unwrap_or(Kind::Text),
            },
        };
        match kind {
            Kind::Text | Kind::Date | Kind::Time | Kind::Timestamp | Kind::Timestamptz => {
                self.moment(value).map_or(Kind::Text, Kind::of_moment)
            }
            kind => kind,
        }
    }

    /// Returns a number in the notation with a point; none if it has a point here.
    pub fn number<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        match self.decimal {
            '.' => Some(text.into()),
            _ if text.contains('.') => None,
            decimal if text.contains(decimal) => Some(text.replacen(decimal, ".", 1).into()),
            _ => Some(text.into()),
        }
    }

    /// Reads a date or time. ISO 8601 is understood too, unless one of the formats could be taken for it.
    pub fn moment(&self, value: &[u8]) -> Option<Moment> {
        let by_format = self.dates.iter().find_map(|format| format.parse(value));
        by_format.or_else(|| {
            let iso = Moment::parse(value).ok()?;
            let is_time = matches!(iso, Moment::Time(_));
            (is_time || !self.dates.iter().any(DateFormat::resembles_iso)).then_some(iso)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::*;

    #[test]
    fn kinds_in_other_notations() {
        let comma = Notation { decimal: ',', ..Notation::default() };
        for (value, kind) in [
            ("1,5", Decimal),
            ("-0,25", Decimal),
            ("12", Integer(12)),
            ("1.5", Text),
            ("1.234,5", Text),
            ("1,2,3", Text),
            ("2024-02-29", Date),
            ("12:00:00.5", Time),
            ("x,y", Text),
        ] {
            assert_eq!(comma.kind(value.as_bytes()), kind, "{value}");
        }
        let dates = |formats: &[&str]| Notation {
            dates: formats.iter().map(|format| format.parse().unwrap()).collect(),
            ..Notation::default()
        };
        let german = dates(&["DD.MM.YYYY", "DD.MM.YYYY HH24:MI"]);
        for (value, kind) in [
            ("29.02.2024", Date),
            ("29.02.2024 12:00", Timestamp),
            ("2024-02-29", Date),
            ("29.13.2024", Text),
            ("1.5", Decimal),
            ("20240229", Integer(20_240_229)),
        ] {
            assert_eq!(german.kind(value.as_bytes()), kind, "{value}");
        }
        let day_last = dates(&["YYYY-DD-MM"]);
        assert_eq!(day_last.moment(b"2024-05-03"), Moment::parse(b"2024-03-05").ok());
        assert_eq!(day_last.moment(b"2024-05-13"), None);
    }
}
