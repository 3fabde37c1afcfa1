//! The forms that PostgreSQL's values have: as text, and in binary COPY.

pub mod copy;
pub mod hex;
pub mod moment;
pub mod numeric;

/// The reason why a text has no form in PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The text does not name a value of the type.
    Syntax,
    /// PostgreSQL cannot hold the value.
    Range,
}

/// Version byte that the binary form of jsonb begins with, before its text.
pub const JSONB_VERSION: u8 = 1;

/// Reads a boolean in any form that PostgreSQL accepts.
pub fn boolean(text: &[u8]) -> Option<bool> {
    let is = |words: [&str; 6]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    if is(["true", "t", "yes", "y", "on", "1"]) {
        Some(true)
    } else if is(["false", "f", "no", "n", "off", "0"]) {
        Some(false)
    } else {
        None
    }
}
