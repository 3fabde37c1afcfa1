//! Counts of the rows of each file in this run: stored, and dead letters.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tally_postgres::Failure;

use super::left_out::LeftOut;

/// Counts of rows and dead letters, by path.
#[derive(Default)]
pub struct FileCounts(Mutex<BTreeMap<String, Count>>);

#[derive(Default)]
struct Count {
    rows: u64,
    dead_letters: u64,
    first_bad: Option<String>,
}

impl FileCounts {
    /// Adds what was stored of a file.
    pub fn add(&self, path: &str, rows: u64, dead_letters: u64, first_bad: Option<String>) {
        let mut counts = self.0.lock().expect("no thread panics with it");
        let count = counts.entry(path.into()).or_default();
        count.rows += rows;
        count.dead_letters += dead_letters;
        count.first_bad = count.first_bad.take().or(first_bad);
    }

    /// Reports files of which most rows were refused: then more than single rows is wrong.
    pub fn complain(&self, left_out: &LeftOut) {
        for (path, count) in std::mem::take(&mut *self.0.lock().expect("no thread panics with it")) {
            let Count { rows, dead_letters, first_bad } = count;
            if let (true, Some(first)) = (dead_letters > rows, first_bad) {
                let what = format!("{dead_letters} of {} rows are bad; {first}", rows + dead_letters);
                let mend = "see loader.file_dead_letters";
                left_out.blame(&path, Failure::new(what).at(&path).mend(mend));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_bad_rows_than_good_ones() {
        let (counts, left_out) = (FileCounts::default(), LeftOut::default());
        counts.add("good", 2, 2, Some("line 1".into()));
        counts.complain(&left_out);
        assert!(left_out.verdict().is_ok());
        counts.add("bad", 2, 1, Some("line 3: no".into()));
        counts.add("bad", 0, 2, Some("line 9: no".into()));
        counts.complain(&left_out);
        let said = left_out.verdict().unwrap_err().to_string();
        assert_eq!(said, "bad: 3 of 5 rows are bad; line 3: no; see loader.file_dead_letters");
    }
}
