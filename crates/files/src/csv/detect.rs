//! Detects the dialect of a file from its first records.

use super::dialect::Dialect;
use super::record::Records;

/// Delimiters that are tried, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Number of records to examine.
const SAMPLE: usize = 100;

impl Dialect {
    /// Finds the delimiter with which the first records have the most fields and, more important, equally many; a comma
    /// within numbers is none if another one is there.
    pub fn detect_delimiter(self, sample: &[u8], decimal: char) -> Self {
        let score = |delimiter: u8| {
            let counts = field_counts(sample, Self { delimiter, ..self });
            let (alike, fields) = most_frequent(&counts)?;
            (fields > 1).then_some((char::from(delimiter) != decimal, alike * 100 / counts.len(), fields))
        };
        // The first of equals stays.
        let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter));
        Self { delimiter: best.filter(|b| score(*b).is_some()).unwrap_or(b','), ..self }
    }

    /// Finds the number of fields that most records have, where the first record has a rare one; and the number of
    /// lines before the first of those records.
    pub fn detect_prelude(self, sample: &[u8]) -> Option<(usize, u64)> {
        let counts = field_counts(sample, self);
        let (first, others) = counts.split_first()?;
        let (alike, fields) = most_frequent(others)?;
        let like_first = others.iter().filter(|count| *count == first).count();
        if fields == *first || like_first * 4 > alike || alike * 2 < others.len() {
            return None;
        }
        let mut records = Records::new(sample, self);
        while let Some(found) = records.next() {
            if records.len() == fields {
                return Some((fields, found.line));
            }
        }
        None
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

/// Returns how often the most frequent number occurs, and the number.
fn most_frequent(counts: &[usize]) -> Option<(usize, usize)> {
    let often = |count: &usize| counts.iter().filter(|other| *other == count).count();
    counts.iter().map(|count| (often(count), *count)).max()
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
            ("a title, and more\n\na;b;c\n1;2;3\n4;5;6\n", b';'),
        ] {
            assert_eq!(
                Dialect::default().detect_delimiter(sample.as_bytes(), '.').delimiter,
                delimiter,
                "{sample}"
            );
        }
    }

    #[test]
    fn a_decimal_comma_is_no_delimiter() {
        let found = |sample: &str| Dialect::default().detect_delimiter(sample.as_bytes(), ',').delimiter;
        assert_eq!(found("1,5;2,5\n3,5;4,5\n"), b';');
        assert_eq!(found("\"1,5\",\"2,5\"\n\"3,5\",\"4,5\"\n"), b',');
    }

    #[test]
    fn lines_before_the_table() {
        let prelude = |sample: &str| {
            Dialect::default().detect_delimiter(sample.as_bytes(), '.').detect_prelude(sample.as_bytes())
        };
        assert_eq!(
            prelude("FileSource,Somebody,\n\nDate,2024,\na,b,c,d\n1,2,3,4\n5,6,7,8\n9,0,1,2\n"),
            Some((4, 3))
        );
        assert_eq!(prelude("# exported\na;b\n1;2\n"), Some((2, 1)));
        assert_eq!(prelude("a,b\n1,2\n3\n"), None);
        assert_eq!(prelude("a,b,c\n1,2\n3\n4,5,6\n"), None);
        assert_eq!(prelude("a,b"), None);
    }
}
