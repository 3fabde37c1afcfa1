//! Evidence of all values of a column, and the type that follows from it.

use tally_rows::config::ColumnType;
use tally_rows::decode::Digits;

use super::kind::{is_double, Kind};

/// Evidence of a column: all that was seen in it; the order leaves no trace.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ColumnEvidence {
    seen: u16,
    /// Whether an integer occurred that a double cannot represent exactly.
    beyond_double: bool,
    digits: Digits,
}

const BOOLEAN: u16 = 1;
const LETTER_T: u16 = 1 << 1;
const LETTER_F: u16 = 1 << 2;
const INTEGER: u16 = 1 << 3;
const LONG_INTEGER: u16 = 1 << 4;
const DECIMAL: u16 = 1 << 5;
const DOUBLE: u16 = 1 << 6;
const LONG_DECIMAL: u16 = 1 << 7;
const NOT_FINITE: u16 = 1 << 8;
const DATE: u16 = 1 << 9;
const TIME: u16 = 1 << 10;
const TIMESTAMP: u16 = 1 << 11;
const TIMESTAMPTZ: u16 = 1 << 12;
const UUID: u16 = 1 << 13;
const TEXT: u16 = 1 << 14;
const CODE: u16 = 1 << 15;

/// Largest integer up to which doubles represent every integer: 2^53.
const MAX_SAFE_INTEGER: u64 = 1 << 53;

impl ColumnEvidence {
    /// Takes a value into account, of the kind that `kind` says; an empty one is no evidence.
    pub fn observe(&mut self, value: &[u8], kind: impl FnOnce(&[u8]) -> Kind) {
        if value.is_empty() || self.seen & TEXT != 0 {
            return;
        }
        let kind = kind(value);
        if kind.is_number() {
            self.digits.note(value);
        }
        self.seen |= match kind {
            Kind::Boolean => BOOLEAN,
            Kind::LetterT => LETTER_T,
            Kind::LetterF => LETTER_F,
            Kind::Integer(n) => {
                self.beyond_double |= n.unsigned_abs() > MAX_SAFE_INTEGER && !is_double(value, 19);
                INTEGER
            }
            Kind::LongInteger => {
                self.beyond_double |= !is_double(value, 20);
                LONG_INTEGER
            }
            Kind::Decimal => DECIMAL,
            Kind::Double => DOUBLE,
            Kind::Code => CODE,
            Kind::LongDecimal => LONG_DECIMAL,
            Kind::NotFinite => NOT_FINITE,
            Kind::Date => DATE,
            Kind::Time => TIME,
            Kind::Timestamp => TIMESTAMP,
            Kind::Timestamptz => TIMESTAMPTZ,
            Kind::Uuid => UUID,
            Kind::Text => TEXT,
        };
    }

    /// Returns the digits of its numbers.
    pub fn digits(&self) -> Digits {
        self.digits
    }

    /// Evidence of a column that is text whatever its values look like.
    pub fn of_text() -> Self {
        Self { seen: TEXT, ..Self::default() }
    }

    /// Adds what was seen elsewhere in the column.
    pub fn merge(&mut self, other: &Self) {
        self.seen |= other.seen;
        self.beyond_double |= other.beyond_double;
        self.digits.merge(&other.digits);
    }

    /// Returns the narrowest type that holds all values, and those of a next file: whole numbers grow, so they are
    /// `bigint`. Without any values it is `text`.
    pub fn column_type(&self) -> ColumnType {
        let only = |kinds: u16| self.seen != 0 && self.seen & !kinds == 0;
        let any = |kinds: u16| self.seen & kinds != 0;
        if only(BOOLEAN) || self.seen == LETTER_T | LETTER_F {
            ColumnType::Boolean
        } else if only(INTEGER) {
            ColumnType::Bigint
        } else if only(INTEGER | LONG_INTEGER | DECIMAL) {
            ColumnType::Numeric
        } else if any(CODE) && !any(DECIMAL | DOUBLE | NOT_FINITE | LONG_DECIMAL) {
            ColumnType::Text
        } else if only(INTEGER | LONG_INTEGER | DECIMAL | DOUBLE | CODE | NOT_FINITE) && !self.beyond_double {
            ColumnType::DoublePrecision
        } else if only(INTEGER | LONG_INTEGER | DECIMAL | DOUBLE | CODE | NOT_FINITE | LONG_DECIMAL) {
            ColumnType::Numeric
        } else if only(DATE) {
            ColumnType::Date
        } else if only(TIME) {
            ColumnType::Time
        } else if only(DATE | TIMESTAMP) {
            ColumnType::Timestamp
        } else if only(TIMESTAMPTZ) {
            ColumnType::Timestamptz
        } else if only(UUID) {
            ColumnType::Uuid
        } else {
            ColumnType::Text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(values: &[&str]) -> String {
        let mut whole = ColumnEvidence::default();
        values.iter().for_each(|value| whole.observe(value.as_bytes(), Kind::of));
        // In any order, and from any parts, it is the same.
        let mut parts = ColumnEvidence::default();
        for value in values.iter().rev() {
            let mut part = ColumnEvidence::default();
            part.observe(value.as_bytes(), Kind::of);
            parts.merge(&part);
        }
        assert_eq!(parts.column_type(), whole.column_type(), "{values:?}");
        whole.column_type().to_string()
    }

    #[test]
    fn types() {
        for (values, kind) in [
            (&["1", "", "-32768"][..], "bigint"),
            (&["-2147483648", "9223372036854775807"], "bigint"),
            (&["9223372036854775808", "1"], "numeric"),
            (&["1", "2.50"], "numeric"),
            (&["1", "2.50", "0.30000000000000004"], "double precision"),
            (&["1e+5", "2"], "double precision"),
            (&["1e5", "2"], "text"),
            (&["1E5", "2.5"], "double precision"),
            (&["1.5", "NaN"], "double precision"),
            (&["1.5", "1e400"], "numeric"),
            (&["0.30000000000000004", "0.12345678901234567890"], "numeric"),
            (&["9007199254740993", "0.5"], "numeric"),
            (&["9007199254740993", "1e+5"], "numeric"),
            (&["9007199254740992", "1e+5"], "double precision"),
            (&["true", "NO"], "boolean"),
            (&["t", "f"], "boolean"),
            (&["f"], "text"),
            (&["t", "true"], "text"),
            (&["1", "true"], "text"),
            (&["2024-02-29"], "date"),
            (&["2024-02-29", "2024-02-29 10:00"], "timestamp"),
            (&["2024-02-29 10:00", "2024-02-29 10:00Z"], "text"),
            (&["2024-02-29 10:00Z", "2024-02-29 10:00+01"], "timestamptz"),
            (&["2024-02-29", "1"], "text"),
            (&["10:00", "23:59:59.5"], "time"),
            (&["6f9619ff-8b86-d011-b42d-00cf4fc964ff"], "uuid"),
            (&["6f9619ff-8b86-d011-b42d-00cf4fc964ff", "x"], "text"),
            (&["007", "1"], "text"),
            (&["", ""], "text"),
            (&[], "text"),
        ] {
            assert_eq!(inferred(values), kind, "{values:?}");
        }
    }
}
