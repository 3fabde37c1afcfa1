//! The dialect of a file: everything in which records of CSV can differ.

use std::str::FromStr;

/// The special bytes of a file, and how its blank lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Delimiter between fields.
    pub delimiter: u8,
    /// Quote character, around fields that contain special bytes.
    pub quote: u8,
    /// Escape character, before a quote inside quotes.
    pub escape: u8,
    /// Beginning of lines that are comments.
    pub comment: Option<Comment>,
    /// Whether an empty line is skipped, rather than a record of one empty field.
    pub skip_blank_lines: bool,
}

/// The text with which lines begin that are comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Comment {
    const LONGEST: usize = 8;

    /// Whether a line begins with it.
    pub fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(&self.bytes[..self.length])
    }
}

impl FromStr for Comment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let length = text.len();
        if !(1..=Self::LONGEST).contains(&length) || text.contains(['\n', '\r', '\0']) {
            return Err(format!("must be 1 to {} bytes, without line breaks", Self::LONGEST));
        }
        let mut bytes = [0; Self::LONGEST];
        bytes[..length].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, length })
    }
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
