//! Parts of files: what is loaded in one go, and stands in one row of `loader.files`.

/// A stretch of a file. Positions are bytes of its text, or rows of Parquet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Start of the part.
    pub from: i64,
    /// End of the part; not known beforehand where text has to be unpacked or decoded.
    pub to: Option<i64>,
    /// The line (row) that it begins with, from 1.
    pub line: i64,
}
