//! Dead letters: records that could not be stored, whole and with the reason.

use tally_postgres::pgtype::copy::{append_field, begin_row};
use tally_rows::decode::Reject;
use tally_rows::refusal::{append_reason, Stage};

/// The COPY statement for dead letters.
pub const COPY: &str = "COPY loader.file_dead_letters \
                        (job, path, line, raw, stage, sqlstate, column_name, message) FROM STDIN (FORMAT binary)";

/// A row of `loader.file_dead_letters`.
#[derive(Debug)]
pub struct FileDeadLetter {
    /// Line of the record, or number, in the file.
    pub line: i64,
    /// The record, if it was text.
    pub raw: Option<Vec<u8>>,
    /// The stage at which it was refused.
    pub stage: Stage,
    /// The reason why it was refused.
    pub reject: Reject,
}

impl FileDeadLetter {
    /// Appends the dead letter as a row of binary COPY.
    pub fn append(&self, job: &str, path: &str, out: &mut Vec<u8>) {
        begin_row(8, out);
        append_field(Some(job.as_bytes()), out);
        append_field(Some(path.as_bytes()), out);
        append_field(Some(&self.line.to_be_bytes()), out);
        append_field(self.raw.as_deref(), out);
        append_reason(self.stage, &self.reject, out);
    }
}

impl std::fmt::Display for FileDeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Reject { sqlstate, column, message, .. } = &self.reject;
        write!(f, "line {}: ", self.line)?;
        if let Some(column) = column {
            write!(f, "column {column:?}: ")?;
        }
        write!(f, "{message} [{sqlstate}]")
    }
}
