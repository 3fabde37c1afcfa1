//! The interface between the loader and a file format.

use std::io;

use tally_postgres::Failure;
use tally_rows::config::{Column, ColumnType};
use tally_rows::decode::Reject;

use super::batch::{BatchReader, FileBatch};
use super::infer::SeenColumn;
use super::input::FileSource;
use super::part::Part;

/// A format of files.
pub trait FileFormat: Send + Sync {
    /// Endings of the names of such files.
    fn endings(&self) -> &'static [&'static str];
    /// Opens a file and detects its layout.
    fn open(&self, source: FileSource) -> Result<Box<dyn Input>, Failure>;
}

/// An input file.
pub trait Input: Send + Sync {
    /// The file's bytes.
    fn source(&self) -> &FileSource;
    /// The name of the file in messages and in the ledger.
    fn name(&self) -> &str {
        self.source().name()
    }
    /// Whether the file may grow at its end, and the new rows be loaded.
    fn may_grow(&self) -> bool;
    /// Whether a line ends at this position.
    fn ends_with_line(&self, position: i64) -> io::Result<bool>;
    /// Fails if the file has changed since it was opened; but more lines may have been appended to what was read, up to
    /// this position.
    fn check_unchanged(&self, reached: i64) -> Result<(), Failure> {
        let source = self.source();
        let is_same = || -> io::Result<bool> {
            let now = source.identity_now()?;
            match self.may_grow() && now.size > source.identity().size {
                true => Ok(source.begins_with(source.identity())? && self.ends_with_line(reached)?),
                false => Ok(now.is_same_as(source.identity())),
            }
        };
        if is_same().map_err(|e| Failure::new(e).at(source.name()))? {
            return Ok(());
        }
        Err(Failure::new("file changed while it was being read")
            .at(source.name())
            .mend("run the command again when the file is complete"))
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
    /// Number of fields, from the first on, that each record names itself, so that later ones may have others besides;
    /// none if all records have the same fields.
    fn self_named(&self) -> Option<usize> {
        None
    }
    /// Types of the columns, if the file declares them; otherwise they are inferred from a scan of its rows.
    fn types(&self) -> Option<&[ColumnType]>;
    /// Returns the parts that several connections may load.
    fn parts(&self) -> Result<Vec<Part>, Failure>;
    /// Scans all rows of a part; reports the bytes that are done to `progress`.
    fn scan(&self, part: &Part, progress: &dyn Fn(u64)) -> Result<Contents, Failure>;
    /// Reads a part's rows for these columns, one for each field, from a position and line on. Where records name their
    /// fields, the columns of other fields follow on those of [`Input::names`].
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
    /// The columns: one for each field, or, where records name their fields, those that occur.
    pub columns: Vec<SeenColumn>,
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
        for (i, column) in other.columns.into_iter().enumerate() {
            let known = match &column.name {
                Some(_) => self.columns.iter_mut().find(|known| known.name == column.name),
                None => self.columns.get_mut(i),
            };
            match known {
                Some(known) => known.evidence.merge(&column.evidence),
                None => self.columns.push(column),
            }
        }
        self.rows += other.rows;
        self.bad += other.bad;
        self.first_bad = self.first_bad.take().or(other.first_bad);
    }
}
