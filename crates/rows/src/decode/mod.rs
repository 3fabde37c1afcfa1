//! Decodes messages into rows of binary COPY.

pub mod avro;
mod budget;
mod cast;
mod cell;
mod digits;
mod encode;
pub mod headers;
mod json;
mod metadata;
mod names;
mod node;
mod row;
mod rows;
mod show;
pub mod time;
mod value;
mod walk;

pub use cast::Cast;
pub use cell::constant;
pub use digits::Digits;
pub use encode::{encode, encode_json, encode_jsonb};
pub use json::{fields_of, infer, unit_of, FieldEvidence, KnownFields, Routes};
pub use names::Names;
pub use rows::Rows;
pub use show::show_json;
pub use time::{days_since_1970, instant, is_infinity};
pub use value::{shorten, Value};
pub use walk::for_each_field;

use crate::config::ColumnType;

/// A message as it was read, with all that the decoder may use.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Topic of the message.
    pub topic: &'a str,
    /// Number of the partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Timestamp of the message, milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Key of the message.
    pub key: Option<&'a [u8]>,
    /// Value of the message; None for a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, in one piece of memory; see [`headers`].
    pub headers: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// Returns the beginning of the message: at most this many bytes of the key and of the value, and the headers only
    /// if they have no more.
    pub fn beginning(&self, most: usize) -> Self {
        let cut = |bytes: &'a [u8]| &bytes[..bytes.len().min(most)];
        let headers = self.headers.filter(|headers| headers.len() <= most);
        Self { key: self.key.map(cut), value: self.value.map(cut), headers, ..*self }
    }

    /// Returns the size of key, value and headers, in bytes.
    pub fn size(&self) -> usize {
        [self.key, self.value, self.headers].into_iter().flatten().map(<[u8]>::len).sum()
    }
}

/// The reason why a message cannot become a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The SQLSTATE that PostgreSQL would report.
    pub sqlstate: String,
    /// The column that could not be filled, if the reject is about one.
    pub column: Option<String>,
    /// The reason in words.
    pub message: String,
    /// The type that the column would need.
    pub wider: Option<ColumnType>,
}

impl Reject {
    /// Rejects a message that is too large.
    pub fn too_large(bytes: usize, limit: usize) -> Self {
        Self::new(
            sqlstate::TOO_LARGE,
            format!("a message of {bytes} bytes is larger than max_message_bytes, {limit}"),
        )
    }

    /// Adds that only the beginning of the message was kept.
    pub fn of_beginning(self) -> Self {
        Self { message: format!("{}; only its beginning is kept here", self.message), ..self }
    }

    /// Rejects a message without a value.
    pub fn no_value() -> Self {
        Self::new(sqlstate::NULL_VALUE, "the message has no value")
    }

    /// Rejects a message whose schema is not available.
    pub fn no_schema(what: impl Into<String>) -> Self {
        Self::new(sqlstate::UNDEFINED_OBJECT, what)
    }

    /// Rejects a message for any other reason.
    pub fn new(sqlstate: &str, message: impl Into<String>) -> Self {
        Self { sqlstate: sqlstate.into(), column: None, message: message.into(), wider: None }
    }

    /// Adds that a column of another type could hold the number.
    pub fn too_narrow(self, wider: ColumnType) -> Self {
        Self { message: format!("{}; {wider} would hold it", self.message), wider: Some(wider), ..self }
    }

    /// Names the column that the reject is about.
    pub fn in_column(self, column: &str) -> Self {
        Self { column: Some(column.into()), ..self }
    }
}

/// Reads bytes as text.
fn text(bytes: &[u8]) -> Result<&str, Reject> {
    // The compat flavour reports the place of the bad byte, as the standard library does.
    simdutf8::compat::from_utf8(bytes).map_err(|e| Reject::new(sqlstate::BAD_CHARACTER, e.to_string()))
}

/// Reads bytes as text for JSON, without the byte order mark that some programs put first.
fn json_text(bytes: &[u8]) -> Result<&str, Reject> {
    text(bytes).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The SQLSTATEs that the decoder assigns.
#[allow(missing_docs)] // Their names say what they are for.
pub mod sqlstate {
    pub const INVALID_TEXT: &str = "22P02";
    pub const OUT_OF_RANGE: &str = "22003";
    pub const BAD_BINARY: &str = "22P03";
    pub const BAD_FILE: &str = "22P04";
    pub const TOO_LARGE: &str = "54000";
    pub const BAD_TIME: &str = "22007";
    pub const TIME_OVERFLOW: &str = "22008";
    pub const BAD_CHARACTER: &str = "22021";
    pub const BAD_JSON: &str = "22032";
    pub const UNTRANSLATABLE: &str = "22P05";
    pub const NULL_VALUE: &str = "22004";
    pub const NOT_NULL: &str = "23502";
    pub const UNDEFINED_COLUMN: &str = "42703";
    pub const UNDEFINED_OBJECT: &str = "42704";
    pub const NO_ROUTE: &str = "22023";
}
