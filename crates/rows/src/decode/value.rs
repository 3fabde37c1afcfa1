//! A value of a message, before it is converted.

use std::borrow::Cow;

use super::{sqlstate, Reject};

/// A value, classified but not yet converted: numbers keep their digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// true or false.
    Boolean(bool),
    /// A number, as it was written.
    Number(Cow<'a, str>),
    /// A string, without quotes and escapes.
    Text(Cow<'a, str>),
    /// An object or array, as it was written.
    Nested(&'a str),
}

impl<'a> Value<'a> {
    /// Classifies a raw JSON value that is not null.
    #[inline(always)] // returning through memory costs as much as parsing
    pub fn parse(raw: &'a str) -> Result<Self, Reject> {
        Ok(match raw.as_bytes()[0] {
            b'"' => Self::Text(unescape(raw)?),
            b't' => Self::Boolean(true),
            b'f' => Self::Boolean(false),
            b'{' | b'[' => Self::Nested(raw),
            _ => Self::Number(raw.into()),
        })
    }

    /// Returns the value as error messages show it.
    pub fn describe(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Number(text) => format!("number {}", shorten(text)),
            Self::Text(text) => format!("text {:?}", shorten(text)),
            Self::Nested(raw) => format!("nested value {}", shorten(raw)),
        }
    }
}

fn unescape(raw: &str) -> Result<Cow<'_, str>, Reject> {
    let inner = &raw[1..raw.len() - 1];
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw)
        .map(Cow::Owned)
        .map_err(|e| Reject::new(sqlstate::BAD_JSON, format!("a string with an invalid escape: {e}")))
}

/// Shortens a long value, keeping enough to recognise it.
pub fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]).into(),
        None => text.into(),
    }
}
