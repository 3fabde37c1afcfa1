//! How a file writes its records, as far as that can differ.

use super::record::Records;
use crate::config::ColumnType;
use crate::files::infer::Evidence;

/// What may separate fields, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many records are looked at.
const SAMPLE: usize = 100;

/// The bytes that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Between fields.
    pub delimiter: u8,
    /// Around fields that hold what would otherwise mean something.
    pub quote: u8,
    /// Before a quote inside of quotes.
    pub escape: u8,
    /// Whether a line without any text is nothing, rather than a record of one empty field.
    pub skip_blank_lines: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', escape: b'"', skip_blank_lines: true }
    }
}

impl Dialect {
    /// The delimiter with which the first records have most fields and, more important, equally many.
    pub fn detect_delimiter(self, sample: &[u8]) -> Self {
        let score = |delimiter: u8| {
            let counts = field_counts(sample, Self { delimiter, ..self });
            let first = counts.first().copied().unwrap_or(0);
            let alike = counts.iter().filter(|count| **count == first).count();
            (first > 1).then_some((alike * 100 / counts.len().max(1), first))
        };
        // The first of equals stays.
        let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter));
        Self { delimiter: best.filter(|b| score(*b).is_some()).unwrap_or(b','), ..self }
    }

    /// Whether the first record names the columns: all of its fields are text, and none is empty.
    pub fn detect_header(self, sample: &[u8]) -> bool {
        let mut records = Records::new(sample, self);
        if records.next().is_none() {
            return false;
        }
        let is_name = |field: &[u8]| {
            let mut evidence = Evidence::default();
            evidence.observe(field);
            // What is a number or a date is no name; an only letter may be one.
            !field.is_empty() && evidence.column_type() == ColumnType::Text
        };
        let named = records.fields().all(|field| is_name(field.bytes));
        named
    }

    /// For records of so many fields.
    pub fn with_fields(self, fields: usize) -> Self {
        Self { skip_blank_lines: fields > 1, ..self }
    }
}

fn field_counts(sample: &[u8], dialect: Dialect) -> Vec<usize> {
    let mut records = Records::new(sample, dialect);
    let mut counts = Vec::new();
    while let (Some(_), true) = (records.next(), counts.len() < SAMPLE) {
        counts.push(records.len());
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters() {
        for (sample, delimiter) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n3,5;4,5\n", b';'),
            ("a\tb\n1, and\t2\n", b'\t'),
            ("a|b|c\n1|2|3\n", b'|'),
            ("only\n1\n", b','),
            ("", b','),
            ("\"a;b\",c\n\"1;2\",3\n", b','),
        ] {
            assert_eq!(
                Dialect::default().detect_delimiter(sample.as_bytes()).delimiter,
                delimiter,
                "{sample}"
            );
        }
    }

    #[test]
    fn headers() {
        for (sample, header) in [
            ("a,b\n1,2\n", true),
            ("a,b\nx,y\n", true),
            ("a,b", true),
            ("1,b\n2,c\n", false),
            ("2024-01-01,b\n", false),
            ("a,,c\n", false),
            ("true,x\n", false),
            ("", false),
        ] {
            assert_eq!(Dialect::default().detect_header(sample.as_bytes()), header, "{sample}");
        }
    }
}
