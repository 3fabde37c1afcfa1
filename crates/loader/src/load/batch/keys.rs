//! Keys in Avro, made into the text that columns and conditions take values from.

use crate::decode::avro::{to_text, unframe};
use crate::decode::Reject;
use crate::registry::Registry;
use crate::{ErrorKind, Failure};

/// What a key says.
pub enum MessageKey {
    /// This; nothing if there is no key.
    Text(Option<String>),
    /// The schema of the key cannot be had now.
    Away(String),
    /// Nothing that can be read.
    Unreadable(Reject),
}

/// Reads a key.
pub fn read(key: Option<&[u8]>, registry: &mut Registry) -> Result<MessageKey, Failure> {
    let Some(key) = key else { return Ok(MessageKey::Text(None)) };
    let (id, value) = match unframe(key) {
        Ok(parts) => parts,
        Err(reject) => return Ok(MessageKey::Unreadable(of_key(reject))),
    };
    match registry.shape(id) {
        Ok(shape) => match to_text(&shape, value) {
            Ok(text) => Ok(MessageKey::Text(Some(text))),
            Err(reject) => Ok(MessageKey::Unreadable(of_key(reject))),
        },
        Err(failure) => match failure.kind() {
            ErrorKind::Reject => Ok(MessageKey::Unreadable(of_key(Reject::no_schema(failure.to_string())))),
            ErrorKind::Retry => Ok(MessageKey::Away(failure.to_string())),
            ErrorKind::Fatal => Err(failure),
        },
    }
}

fn of_key(reject: Reject) -> Reject {
    Reject { message: format!("in the key: {}", reject.message), ..reject }
}
