//! Files that cannot be loaded are skipped, and the others are loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::Failure;

/// The files of a run that were not loaded, or not whole, with the first reason of each.
#[derive(Default)]
pub struct LeftOut(Mutex<BTreeMap<PathBuf, Failure>>);

impl LeftOut {
    /// Records a file that cannot be loaded, and logs it at once.
    pub fn add(&self, path: &Path, failure: Failure) {
        tracing::warn!("skipping a file: {failure}");
        self.keep(path, failure);
    }

    /// Records a file that was loaded, but whose rows are mostly bad, and logs it at once.
    pub fn blame(&self, path: &Path, failure: Failure) {
        tracing::warn!("{failure}");
        self.keep(path, failure);
    }

    fn keep(&self, path: &Path, failure: Failure) {
        self.0.lock().expect("no thread panics with it").entry(path.into()).or_insert(failure);
    }

    /// Returns the value that was found for a file; or nothing, after recording why the file is skipped.
    pub fn unless<T>(&self, path: &Path, given: Result<T, Failure>) -> Option<T> {
        given.map_err(|failure| self.add(path, failure)).ok()
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
        let add = |path: &str| left_out.add(Path::new(path), Failure::new("bad").at(path));
        add("b");
        add("b");
        assert_eq!(left_out.verdict().unwrap_err().to_string(), "b: bad");
        add("b");
        add("a");
        let said = left_out.verdict().unwrap_err().to_string();
        assert_eq!(said, "a: bad; 1 more files failed, see the warnings above");
    }
}
