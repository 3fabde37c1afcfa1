//! The interface between the loader and a file format.

use std::io;
use std::path::{Path, PathBuf};

use super::batch::{BatchReader, FileBatch};
use super::infer::ColumnEvidence;
use super::input::{hash, FileIdentity};
use super::part::Part;
use crate::config::{Column, ColumnType};
use crate::decode::Reject;
use crate::Failure;

/// A format of files.
pub trait FileFormat: Send + Sync {
    /// Endings of the names of such files.
    fn endings(&self) -> &'static [&'static str];
    /// Opens a file and detects its layout.
    fn open(&self, path: &Path) -> Result<Box<dyn Input>, Failure>;
}

/// An input file.
pub trait Input: Send + Sync {
    /// Path of the file.
    fn path(&self) -> &PathBuf;
    /// Identity of the file when it was opened.
    fn identity(&self) -> &FileIdentity;
    /// Whether the file may grow at its end, and the new rows be loaded.
    fn may_grow(&self) -> bool;
    /// Whether a line ends at this position.
    fn ends_with_line(&self, position: i64) -> io::Result<bool>;
    /// Fails if the file has changed since it was opened; but more lines may have been appended to what was read, up to
    /// this position.
    fn check_unchanged(&self, reached: i64) -> Result<(), Failure> {
        let at = |failure: Failure| failure.at(self.path().display());
        let then = self.identity();
        let is_same = || {
            let now = FileIdentity::of(self.path())?;
            let same = now.size == then.size && (now.modified == then.modified || now.hash == then.hash);
            let grown = self.may_grow() && now.size > then.size;
            let begins_same =
                || Ok(hash(self.path(), then.size as u64)? == then.hash && self.ends_with_line(reached)?);
            if grown {
                begins_same()
            } else {
                Ok(same)
            }
        };
        if is_same().map_err(|e: io::Error| at(Failure::new(e)))? {
            return Ok(());
        }
        Err(at(Failure::new("file changed while it was being read")
            .mend("run the command again when the file is complete")))
    }
    /// Estimates the number of bytes of the file between two positions this far apart.
    fn bytes_of(&self, positions: i64) -> u64 {
        u64::try_from(positions).unwrap_or(0)
    }
    /// Describes the file's format in a few words.
    fn describe(&self) -> String;
    /// Number of fields of its rows; 0 if it has none, not even names.
    fn fields(&self) -> usize;
    /// Names of the columns, if they have names.
    fn names(&self) -> Option<&[String]>;
    /// Types of the columns, if the file declares them; otherwise they are inferred from a scan of its rows.
    fn types(&self) -> Option<&[ColumnType]>;
    /// Returns the parts that several connections may load.
    fn parts(&self) -> Result<Vec<Part>, Failure>;
    /// Scans all rows of a part; reports the bytes that are done to `progress`.
    fn scan(&self, part: &Part, progress: &dyn Fn(u64)) -> Result<Contents, Failure>;
    /// Reads a part's rows for these columns, one for each field, from a position and line on.
    fn read(
        &self,
        part: &Part,
        next: (i64, i64),
        columns: &[Column],
    ) -> Result<Box<dyn BatchReader + '_>, Failure>;
    /// Reads records again that were refused before, in the order of their lines; they become rows or dead letters.
    fn again(&self, letters: &[RefusedRecord], columns: &[Column]) -> Result<FileBatch, Failure>;
}

/// A record that an earlier run refused.
pub struct RefusedRecord {
    /// Line of the record, or number of the row.
    pub line: i64,
    /// The text of the record, if it was kept.
    pub raw: Option<Vec<u8>>,
}

/// Evidence that was collected from rows.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// Evidence of each field.
    pub evidence: Vec<ColumnEvidence>,
    /// Number of records that look like rows.
    pub rows: u64,
    /// Number of bad records.
    pub bad: u64,
    /// The first bad record: its line and what is wrong.
    pub first_bad: Option<(i64, Reject)>,
}

impl Contents {
    /// Adds the contents of the part that follows.
    pub fn append(&mut self, other: Self) {
        if self.evidence.is_empty() {
            self.evidence = other.evidence;
        } else {
            self.evidence.iter_mut().zip(&other.evidence).for_each(|(a, b)| a.merge(b));
        }
        self.rows += other.rows;
        self.bad += other.bad;
        self.first_bad = self.first_bad.take().or(other.first_bad);
    }
}
