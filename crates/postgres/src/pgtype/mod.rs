//! The forms of PostgreSQL's values: text, and binary COPY.

pub mod copy;
pub mod hex;
pub mod moment;
pub mod numeric;

/// The reason why a text is not a value of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The text does not name a value of the type.
    Syntax,
    /// PostgreSQL cannot hold the value.
    Range,
}

/// The version byte that precedes the text in the binary form of jsonb.
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
