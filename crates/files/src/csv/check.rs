//! Checks a record before any column is looked at.

use memchr::memchr;
use tally_rows::decode::{sqlstate, Reject};

use super::record::{FoundRecord, Records};
use crate::text::Block;

/// Checks the records of one block.
pub struct Checker {
    fields: usize,
    /// Whether all of the block is text that PostgreSQL can store; if not, records are checked one by one.
    clean: bool,
}

impl Checker {
    /// Creates a check of records that should have this many fields.
    pub fn new(text: &[u8], fields: usize) -> Self {
        Self { fields, clean: bad_character(text).is_none() }
    }

    /// Returns what is wrong with the record that was found last, if anything.
    pub fn check(&self, text: &[u8], found: &FoundRecord, records: &Records) -> Option<Reject> {
        if !found.closed {
            return Some(Reject::new(sqlstate::BAD_FILE, "unterminated quoted field"));
        }
        if !self.clean {
            if let Some(message) = bad_character(&text[found.range.clone()]) {
                return Some(Reject::new(sqlstate::BAD_CHARACTER, message));
            }
        }
        let (count, expected) = (records.len(), self.fields);
        (count != expected)
            .then(|| Reject::new(sqlstate::BAD_FILE, format!("expected {expected} fields, found {count}")))
    }
}

/// Returns what is wrong with a line that is longer than a record may be.
pub fn too_long(block: &Block) -> Option<Reject> {
    (block.passed > 0).then(|| {
        let length = block.text.len() as u64 + block.passed;
        Reject::new(
            sqlstate::TOO_LARGE,
            format!("line of {length} bytes exceeds the limit of 8 MiB for a record"),
        )
    })
}

fn bad_character(text: &[u8]) -> Option<String> {
    if memchr(0, text).is_some() {
        return Some("a NUL character cannot be stored in text".into());
    }
    let error = std::str::from_utf8(text).err()?;
    let byte = text[error.valid_up_to()];
    Some(format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}; if the file has another encoding, name it with --encoding"))
}
