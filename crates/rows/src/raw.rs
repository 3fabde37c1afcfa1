//! Messages as lines of JSON, as archives of topics keep them: each byte of a message comes back.
//!
//! Keys, values and headers that are UTF-8 are strings, which other programs read with ease; others are in base64, in
//! a field of another name.

use std::borrow::Cow;

use base64::prelude::{Engine, BASE64_STANDARD};
use serde::Deserialize;

use crate::decode::{headers, Record};

/// The clock that a message's timestamp is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The producer's.
    Producer,
    /// The broker's, when it appended the message.
    Broker,
}

/// Appends a message as a line.
pub fn append_line(record: &Record, clock: Clock, out: &mut Vec<u8>) {
    out.extend(b"{\"topic\":");
    append_text(record.topic, out);
    append_number(",\"partition\":", record.partition.into(), out);
    append_number(",\"offset\":", record.offset, out);
    match record.timestamp {
        Some(millis) => {
            append_number(",\"timestamp\":", millis, out);
            out.extend(match clock {
                Clock::Producer => &b",\"timestamp_type\":\"create\""[..],
                Clock::Broker => b",\"timestamp_type\":\"append\"",
            });
        }
        None => out.extend(b",\"timestamp\":null"),
    }
    out.push(b',');
    append_bytes("key", record.key, out);
    out.push(b',');
    append_bytes("value", record.value, out);
    if let Some(flat) = record.headers {
        out.extend(b",\"headers\":[");
        for (at, (name, value)) in headers::pairs(flat).enumerate() {
            out.extend(if at == 0 { &b"{"[..] } else { b",{" });
            append_bytes("name", Some(name), out);
            out.push(b',');
            append_bytes("value", value, out);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.extend(b"}\n");
}

fn append_number(name: &str, number: i64, out: &mut Vec<u8>) {
    out.extend(name.as_bytes());
    serde_json::to_writer(&mut *out, &number).expect("memory takes all that is written");
}

fn append_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, text).expect("memory takes all that is written");
}

/// Appends a field whose name says whether its bytes are text.
fn append_bytes(name: &str, bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend(name.as_bytes());
    match bytes.map(|bytes| simdutf8::basic::from_utf8(bytes).map_err(|_| bytes)) {
        None => out.extend(b"\":null"),
        Some(Ok(text)) => {
            out.extend(b"\":");
            append_text(text, out);
        }
        Some(Err(bytes)) => {
            out.extend(b"_base64\":\"");
            out.extend(BASE64_STANDARD.encode(bytes).as_bytes());
            out.push(b'"');
        }
    }
}

/// A message that was kept somewhere, in memory of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// Topic of the message.
    pub topic: String,
    /// Partition of the message.
    pub partition: i32,
    /// Offset of the message.
    pub offset: i64,
    /// Timestamp of the message, milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Key of the message.
    pub key: Option<Vec<u8>>,
    /// Value of the message.
    pub value: Option<Vec<u8>>,
    /// The headers, in one piece; see [`headers`].
    pub headers: Option<Vec<u8>>,
}

impl KeptMessage {
    /// The message, as it was read from the topic.
    pub fn record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: self.headers.as_deref(),
        }
    }

    /// Reads a line of [`append_line`]; says what is wrong if it is none.
    pub fn of_line(line: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(line).map_err(|e| e.to_string())?;
        let flat = |named: Vec<HeaderLine>| {
            let mut flat = Vec::new();
            for HeaderLine { name, name_base64, value, value_base64 } in named {
                let name = bytes(name, name_base64)?.ok_or("a header has no name")?;
                headers::append(&name, bytes(value, value_base64)?.as_deref(), &mut flat);
            }
            Ok::<_, String>(flat)
        };
        Ok(Self {
            topic: line.topic.into_owned(),
            partition: line.partition,
            offset: line.offset,
            timestamp: line.timestamp,
            key: bytes(line.key, line.key_base64)?,
            value: bytes(line.value, line.value_base64)?,
            headers: line.headers.map(flat).transpose()?,
        })
    }
}

/// The fields of a line; others, which later versions may add, are passed over.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    key: Option<String>,
    key_base64: Option<String>,
    value: Option<String>,
    value_base64: Option<String>,
    headers: Option<Vec<HeaderLine>>,
}

#[derive(Deserialize)]
struct HeaderLine {
    name: Option<String>,
    name_base64: Option<String>,
    value: Option<String>,
    value_base64: Option<String>,
}

fn bytes(text: Option<String>, base64: Option<String>) -> Result<Option<Vec<u8>>, String> {
    match (text, base64) {
        (text, None) => Ok(text.map(String::into_bytes)),
        (None, Some(base64)) => BASE64_STANDARD.decode(base64).map(Some).map_err(|e| e.to_string()),
        (Some(_), Some(_)) => Err("a field is both text and base64".into()),
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    use super::*;

    fn there_and_back(message: &KeptMessage, clock: Clock) -> String {
        let mut line = Vec::new();
        append_line(&message.record(), clock, &mut line);
        let (newline, text) = line.split_last().unwrap();
        assert!(*newline == b'\n' && !text.contains(&b'\n'));
        assert_eq!(KeptMessage::of_line(text).as_ref(), Ok(message));
        String::from_utf8(text.to_vec()).unwrap()
    }

    #[test]
    fn every_byte_comes_back() {
        let mut flat = Vec::new();
        headers::append(b"trace", Some(&[0, 255]), &mut flat);
        headers::append(b"\xff", None, &mut flat);
        let message = KeptMessage {
            topic: "t".into(),
            partition: 3,
            offset: i64::MAX,
            timestamp: Some(-5),
            key: Some(b"a\"\n\0\\b".to_vec()),
            value: None,
            headers: Some(flat),
        };
        assert_eq!(
            there_and_back(&message, Clock::Broker),
            r#"{"topic":"t","partition":3,"offset":9223372036854775807,"timestamp":-5,"timestamp_type":"append","key":"a\"\n\u0000\\b","value":null,"headers":[{"name":"trace","value_base64":"AP8="},{"name_base64":"/w==","value":null}]}"#
        );
        let plain = KeptMessage { timestamp: None, key: None, value: Some(vec![]), headers: None, ..message };
        assert_eq!(
            there_and_back(&plain, Clock::Producer),
            r#"{"topic":"t","partition":3,"offset":9223372036854775807,"timestamp":null,"key":null,"value":""}"#
        );
    }

    #[test]
    fn random_bytes_come_back() {
        let mut random = ChaCha12Rng::seed_from_u64(1);
        for offset in 0..2000 {
            let mut bytes = || {
                let mut bytes = vec![0; (random.next_u32() % 40) as usize];
                random.fill_bytes(&mut bytes);
                // Half of them text, of signs that JSON escapes and of others.
                if random.next_u32() % 2 == 0 {
                    bytes.iter_mut().for_each(|byte| *byte &= 0x7f);
                }
                (random.next_u32() % 5 > 0).then_some(bytes)
            };
            let (key, value, header) = (bytes(), bytes(), bytes());
            let flat = header.map(|value| {
                let mut flat = Vec::new();
                headers::append(&value, Some(&value), &mut flat);
                flat
            });
            let (topic, timestamp) = ("a.b-c_d".to_string(), Some(offset * 1000));
            there_and_back(
                &KeptMessage { topic, partition: 0, offset, timestamp, key, value, headers: flat },
                Clock::Producer,
            );
        }
    }

    #[test]
    fn other_lines_are_refused() {
        for wrong in [
            "",
            "{}",
            r#"{"topic":"t","partition":0,"offset":1,"value":"a","value_base64":"YQ=="}"#,
            r#"{"topic":"t","partition":0,"offset":1,"value_base64":"?"}"#,
            r#"{"topic":"t","partition":0,"offset":1,"headers":[{"value":"a"}]}"#,
        ] {
            assert!(KeptMessage::of_line(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
