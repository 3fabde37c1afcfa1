//! The dialect of a file: everything in which records of CSV can differ.

/// The special bytes of a file, and how its blank lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Delimiter between fields.
    pub delimiter: u8,
    /// Quote character, around fields that contain special bytes.
    pub quote: u8,
    /// Escape character, before a quote inside quotes.
    pub escape: u8,
    /// First byte of a line that is a comment.
    pub comment: Option<u8>,
    /// Whether an empty line is skipped, rather than a record of one empty field.
    pub skip_blank_lines: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', escape: b'"', comment: None, skip_blank_lines: true }
    }
}

impl Dialect {
    /// The dialect for records of this many fields.
    pub fn with_fields(self, fields: usize) -> Self {
        Self { skip_blank_lines: fields > 1, ..self }
    }
}
