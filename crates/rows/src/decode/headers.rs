//! The headers of a message in one buffer, as pairs of name and value, each preceded by its length.

use serde_json::Value as Json;
use tally_postgres::pgtype::hex;

/// The length that stands for a null value.
const NULL: u32 = u32::MAX;

/// Appends a pair.
pub fn append(name: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    for part in [Some(name), value] {
        let length = part.map_or(NULL, |bytes| bytes.len() as u32); // Kafka's messages are shorter than 2 GiB
        out.extend(length.to_be_bytes());
        out.extend(part.unwrap_or_default());
    }
}

/// Returns the pairs.
pub fn pairs(mut headers: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    std::iter::from_fn(move || Some((next(&mut headers)?.unwrap_or_default(), next(&mut headers)?)))
}

/// Appends the headers as JSON pairs of name and value, the value in PostgreSQL's form of bytea.
pub fn append_json(headers: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    let mut separator: &[u8] = b"";
    for (name, value) in pairs(headers) {
        out.extend(separator);
        separator = b",";
        out.push(b'[');
        let name = String::from_utf8_lossy(name);
        out.extend(Json::from(name.as_ref()).to_string().as_bytes());
        out.push(b',');
        match value {
            Some(bytes) => {
                out.extend(b"\"\\\\x");
                hex::append(bytes, out);
                out.push(b'"');
            }
            None => out.extend(b"null"),
        }
        out.push(b']');
    }
    out.push(b']');
}

/// Reads headers from the JSON that [`append_json`] writes; any other JSON yields none.
pub fn from_json(json: &Json) -> Vec<u8> {
    let mut headers = Vec::new();
    for pair in json.as_array().into_iter().flatten() {
        if let Some(name) = pair.get(0).and_then(Json::as_str) {
            let value = pair.get(1).and_then(Json::as_str).and_then(hex::parse_bytea);
            append(name.as_bytes(), value.as_deref(), &mut headers);
        }
    }
    headers
}

/// Takes the next part; None at the end.
fn next<'a>(headers: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, rest) = headers.split_first_chunk()?;
    *headers = rest;
    match u32::from_be_bytes(*length) {
        NULL => Some(None),
        length => headers.split_off(..length as usize).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_json_and_back() {
        let mut headers = Vec::new();
        append(b"trace", Some(&[0, 255]), &mut headers);
        append(b"\"", None, &mut headers);
        append(b"", Some(b""), &mut headers);
        let mut json = Vec::new();
        append_json(&headers, &mut json);
        assert_eq!(String::from_utf8_lossy(&json), r#"[["trace","\\x00ff"],["\"",null],["","\\x"]]"#);
        assert_eq!(from_json(&serde_json::from_slice(&json).unwrap()), headers);
        let mut none = Vec::new();
        append_json(b"", &mut none);
        assert_eq!(none, b"[]");
    }
}
