//! Guesses whether the first record names the columns.
//!
//! The guess is yes if it is text where the records below are not, like names over numbers. Two kinds of names need a
//! closer look: an empty one, over an index or after a trailing delimiter; and years, over the numbers of a pivoted
//! table.

use tally_rows::config::ColumnType;

use super::dialect::Dialect;
use super::notation::Notation;
use super::record::Records;
use crate::infer::{ColumnEvidence, Kind};

/// Number of records to examine.
const SAMPLE: usize = 1000;
/// Range of whole numbers that may be years.
const YEARS: std::ops::RangeInclusive<i64> = 1500..=2500;

/// The guess at the first record: names or values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// Whether it has the names of the columns, rather than a row.
    pub is_header: bool,
    /// Whether the opposite is possible as well.
    pub is_doubtful: bool,
}

/// A field of the first record, compared with the values below it.
enum HeaderField {
    Empty {
        /// Whether the fields below are all empty, or all filled.
        regular: bool,
    },
    Name {
        over_values: bool,
    },
    Year,
    Value {
        /// A value that the ones below cannot be.
        odd: bool,
    },
}

/// Guesses from the first records of a file.
pub fn guess(sample: &[u8], dialect: Dialect, notation: &Notation) -> Guess {
    let fields = look(sample, dialect, notation);
    let count = |is: fn(&HeaderField) -> bool| fields.iter().filter(|field| is(field)).count();
    let names = count(|f| matches!(f, HeaderField::Name { .. }));
    let years = count(|f| matches!(f, HeaderField::Year));
    let for_names =
        count(|f| matches!(f, HeaderField::Name { over_values: true } | HeaderField::Value { odd: true }));
    let for_a_row = count(|f| matches!(f, HeaderField::Value { odd: false }));
    let irregular = count(|f| matches!(f, HeaderField::Empty { regular: false }));
    let sure = |is_header| Guess { is_header, is_doubtful: false };
    let doubtful = |is_header| Guess { is_header, is_doubtful: true };
    if names > 0 && names == fields.len() {
        return sure(true);
    }
    match (for_names, for_a_row) {
        (1.., 0) => sure(true),
        (1.., 1..) => doubtful(false),
        (0, 1..) => sure(false),
        (0, 0) if names == 0 => Guess { is_header: false, is_doubtful: years > 0 },
        (0, 0) if irregular > 0 => doubtful(false),
        (0, 0) => Guess { is_header: true, is_doubtful: years == 1 },
    }
}

fn look(sample: &[u8], dialect: Dialect, notation: &Notation) -> Vec<HeaderField> {
    let mut records = Records::new(sample, dialect);
    if records.next().is_none() {
        return Vec::new();
    }
    let first: Vec<Vec<u8>> = records.fields().map(|field| field.bytes.to_vec()).collect();
    let mut below = vec![Below::default(); first.len()];
    let mut rows = 0;
    while rows < SAMPLE && records.next().is_some() {
        if records.len() == first.len() {
            rows += 1;
            below
                .iter_mut()
                .zip(records.fields())
                .for_each(|(below, field)| below.observe(field.bytes, notation));
        }
    }
    first.iter().zip(&below).map(|(field, below)| below.judge(field, notation)).collect()
}

/// The values of a column below the first record.
#[derive(Debug, Clone, Default)]
struct Below {
    evidence: ColumnEvidence,
    empty: usize,
    years: usize,
    all: usize,
}

impl Below {
    fn observe(&mut self, value: &[u8], notation: &Notation) {
        self.all += 1;
        self.empty += usize::from(value.is_empty());
        self.years += usize::from(is_year(value));
        self.evidence.observe(value, |value| notation.kind(value));
    }

    fn judge(&self, field: &[u8], notation: &Notation) -> HeaderField {
        if field.is_empty() {
            return HeaderField::Empty { regular: self.empty == 0 || self.empty == self.all };
        }
        let values = self.empty < self.all;
        let is_text = |evidence: &ColumnEvidence| evidence.column_type() == ColumnType::Text;
        let mut alone = ColumnEvidence::default();
        alone.observe(field, |value| notation.kind(value));
        let mut together = self.evidence;
        together.observe(field, |value| notation.kind(value));
        if is_text(&alone) {
            return HeaderField::Name { over_values: values && !is_text(&self.evidence) };
        }
        if is_year(field) && self.years == 0 && values {
            return HeaderField::Year;
        }
        HeaderField::Value { odd: values && !is_text(&self.evidence) && is_text(&together) }
    }
}

fn is_year(value: &[u8]) -> bool {
    !value.is_empty() && matches!(Kind::of(value), Kind::Integer(n) if YEARS.contains(&n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        for (sample, is_header, is_doubtful) in [
            ("a,b\n1,2\n", true, false),
            ("a,b\nx,y\n", true, false),
            ("a,b", true, false),
            ("1,b\n2,c\n", false, false),
            ("2024-01-01,b\n2024-01-02,c\n", false, false),
            ("true,x\nfalse,y\n", false, false),
            ("", false, false),
            // An index without a name, and a delimiter at the end.
            (",price,qty\n0,1.5,1\n1,2.5,2\n", true, false),
            (",name,town\n0,Bob,Bern\n1,Eva,Basel\n", true, false),
            ("a,b,\n1,2,\n", true, false),
            ("a,,c\n1,,x\n", true, false),
            // Rows in which something is missing.
            (",Bob,Bern\n1,Eva,Basel\n,Ida,Chur\n", false, true),
            ("CH,,1.5\nDE,1,2\n", false, false),
            // Years and days over numbers, and numbers over numbers.
            ("country,2022,2023\nCH,1.5,2.5\nDE,3.5,4.5\n", true, false),
            ("country,2022,2023\nCH,8738791,8849852\n", true, false),
            ("country,code,2022\nCH,x,1.5\n", true, true),
            ("country,2022-01-31,2022-02-28\nCH,1.5,2.5\n", true, false),
            ("x,2022,2023\ny,2021,2024\n", false, false),
            ("2022,2023\n1.5,2.5\n", false, true),
            ("x,1,2\ny,3,4\n", false, false),
            // What is missing is marked with a word.
            ("CH,1.5,n/a\nDE,2,3\n", false, true),
        ] {
            let expected = Guess { is_header, is_doubtful };
            assert_eq!(
                guess(sample.as_bytes(), Dialect::default(), &Notation::default()),
                expected,
                "{sample}"
            );
        }
    }
}
