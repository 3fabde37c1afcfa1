//! Parts of files: each is loaded by one connection, and has a row in `loader.files`.

/// A stretch of a file. Positions are bytes of its text, or rows of Parquet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Start of the part.
    pub from: i64,
    /// End of the part; unknown where text has to be decompressed or decoded.
    pub to: Option<i64>,
    /// The line (row) that it begins with, from 1.
    pub line: i64,
}
