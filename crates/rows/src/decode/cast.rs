//! Text that the server casts to a type whose binary form the loader does not write: an enum, an array, json, a range.

use super::encode::encode;
use super::value::Value;
use super::walk::for_each_element;
use super::Reject;
use crate::config::ColumnType;

/// The conversion of JSON to text that the server casts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// The JSON is the text.
    Json,
    /// A list becomes the text of an array.
    Array,
    /// A scalar becomes its text; anything else stays JSON.
    Plain,
}

impl Cast {
    /// The conversion for a type.
    pub fn new(name: &str) -> Self {
        match name {
            "json" => Self::Json,
            _ if name.ends_with("[]") => Self::Array,
            _ => Self::Plain,
        }
    }

    /// Appends the text for a raw JSON value; returns false, and appends nothing, for null.
    pub fn encode_json(self, raw: &str, out: &mut Vec<u8>) -> Result<bool, Reject> {
        match raw.as_bytes() {
            b"null" => return Ok(false),
            [b'[', ..] if self == Self::Array => append_array(raw, out)?,
            [b'{' | b'[', ..] => out.extend(raw.as_bytes()),
            _ if self == Self::Json => out.extend(raw.as_bytes()),
            _ => encode(ColumnType::Text, None, &Value::parse(raw)?, out)?,
        }
        Ok(true)
    }
}

/// Appends a list as PostgreSQL writes arrays; lists in it are further dimensions.
fn append_array(raw: &str, out: &mut Vec<u8>) -> Result<(), Reject> {
    out.push(b'{');
    let mut is_first = true;
    for_each_element(raw, |element| {
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        match element.as_bytes() {
            b"null" => out.extend(b"NULL"),
            [b'[', ..] => append_array(element, out)?,
            [b'{', ..] => append_quoted(element.as_bytes(), out),
            _ => {
                let mut text = Vec::new();
                encode(ColumnType::Text, None, &Value::parse(element)?, &mut text)?;
                append_quoted(&text, out);
            }
        }
        Ok(())
    })?;
    out.push(b'}');
    Ok(())
}

fn append_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_types() {
        for (name, raw, expected) in [
            ("text[]", r#"["a", "b\"\\", null, 1.50, true]"#, r#"{"a","b\"\\",NULL,"1.50","true"}"#),
            ("integer[]", "[[1],[2]]", r#"{{"1"},{"2"}}"#),
            ("jsonb[]", r#"[{"a":1}]"#, r#"{"{\"a\":1}"}"#),
            ("text[]", "\"{x}\"", "{x}"),
            ("json", "\"x\"", "\"x\""),
            ("json", "{\"a\": [1]}", "{\"a\": [1]}"),
            ("mood", "\"sad\"", "sad"),
            ("interval", "5", "5"),
        ] {
            let mut out = Vec::new();
            assert_eq!(Cast::new(name).encode_json(raw, &mut out), Ok(true));
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{name} {raw}");
        }
        assert_eq!(Cast::Array.encode_json("null", &mut Vec::new()), Ok(false));
    }
}
