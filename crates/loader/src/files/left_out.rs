//! Files that cannot be loaded are skipped, and the others are loaded.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tally_postgres::Failure;

/// The files of a run that were not loaded, or not whole, with the first reason of each.
#[derive(Default)]
pub struct LeftOut(Mutex<BTreeMap<String, Failure>>);

impl LeftOut {
    /// Records a file that cannot be loaded, and logs it at once.
    pub fn add(&self, file: &str, failure: Failure) {
        tracing::warn!("skipping a file: {failure}");
        self.keep(file, failure);
    }

    /// Records a file that was loaded, but whose rows are mostly bad, and logs it at once.
    pub fn blame(&self, file: &str, failure: Failure) {
        tracing::warn!("{failure}");
        self.keep(file, failure);
    }

    fn keep(&self, file: &str, failure: Failure) {
        self.0.lock().expect("no thread panics with it").entry(file.into()).or_insert(failure);
    }

    /// Returns the value that was found for a file; or nothing, after recording why the file is skipped.
    pub fn unless<T>(&self, file: &str, given: Result<T, Failure>) -> Option<T> {
        given.map_err(|failure| self.add(file, failure)).ok()
    }

    /// Returns an error if any files were skipped.
    pub fn verdict(&self) -> Result<(), Failure> {
        let mut left_out = std::mem::take(&mut *self.0.lock().expect("no thread panics with it"));
        let (count, first) = (left_out.len(), left_out.pop_first());
        match first {
            None => Ok(()),
            Some((_, failure)) if count == 1 => Err(failure),
            Some((_, failure)) => {
                Err(failure.and(format!("{} more files failed, see the warnings above", count - 1)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_names_the_first_file_and_counts_the_others() {
        let left_out = LeftOut::default();
        assert!(left_out.verdict().is_ok());
        let add = |path: &str| left_out.add(path, Failure::new("bad").at(path));
        add("b");
        add("b");
        assert_eq!(left_out.verdict().unwrap_err().to_string(), "b: bad");
        add("b");
        add("a");
        let said = left_out.verdict().unwrap_err().to_string();
        assert_eq!(said, "a: bad; 1 more files failed, see the warnings above");
    }
}
