//! The messages of a batch as they came, in one piece of memory.
//!
//! A row that the server refuses becomes a dead letter with the message's own bytes; by then Kafka may have
//! dropped it.

use serde_json::Value as Json;

use crate::decode::Record;
use crate::kafka::Message;

/// Messages.
#[derive(Default)]
pub struct Originals {
    bytes: Vec<u8>,
    messages: Vec<Original>,
    /// How many there are of each topic.
    by_topic: Vec<u64>,
}

struct Original {
    topic: usize,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    start: usize,
    key: Option<usize>,
    value: Option<usize>,
    headers: Option<Box<Json>>,
}

impl Originals {
    /// None yet, with room for as many as there are of others.
    pub fn like(other: &Self) -> Self {
        Self {
            bytes: Vec::with_capacity(other.bytes.len()),
            messages: Vec::with_capacity(other.messages.len()),
            by_topic: Vec::new(),
        }
    }

    /// Keeps a message of the topic with this number.
    pub fn push(&mut self, topic: usize, record: &Record, headers: Option<Box<Json>>) {
        if self.by_topic.len() <= topic {
            self.by_topic.resize(topic + 1, 0);
        }
        self.by_topic[topic] += 1;
        let start = self.bytes.len();
        self.bytes.extend(record.key.unwrap_or_default());
        self.bytes.extend(record.value.unwrap_or_default());
        self.messages.push(Original {
            topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            start,
            key: record.key.map(<[u8]>::len),
            value: record.value.map(<[u8]>::len),
            headers,
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// The number of a message's topic.
    pub fn topic(&self, i: usize) -> usize {
        self.messages[i].topic
    }

    /// How many there are of each topic.
    pub fn by_topic(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.by_topic.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// A message and its headers; the topic's name comes from elsewhere.
    pub fn get<'a>(&'a self, i: usize, topic: &'a str) -> (Record<'a>, Option<&'a Json>) {
        let message = &self.messages[i];
        let middle = message.start + message.key.unwrap_or(0);
        let record = Record {
            topic,
            partition: message.partition,
            offset: message.offset,
            timestamp: message.timestamp,
            key: message.key.map(|_| &self.bytes[message.start..middle]),
            value: message.value.map(|length| &self.bytes[middle..middle + length]),
        };
        (record, message.headers.as_deref())
    }
}

/// The headers as JSON pairs of name and value, the value as PostgreSQL writes bytea.
pub fn headers(message: &Message) -> Option<Box<Json>> {
    let pairs = message.headers()?.into_iter().map(|(name, value)| {
        let name = String::from_utf8_lossy(name).into_owned();
        Json::from(vec![Json::from(name), hex(value)])
    });
    Some(Box::new(Json::Array(pairs.collect())))
}

fn hex(bytes: Option<&[u8]>) -> Json {
    match bytes {
        Some(bytes) => {
            bytes.iter().fold(String::from("\\x"), |text, byte| format!("{text}{byte:02x}")).into()
        }
        None => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_kept() {
        let mut originals = Originals::default();
        let first = Record {
            topic: "t",
            partition: 1,
            offset: 5,
            timestamp: Some(9),
            key: Some(b"k"),
            value: Some(b"v"),
        };
        let second = Record { offset: 6, timestamp: None, key: None, value: None, ..first };
        originals.push(0, &first, None);
        originals.push(0, &second, Some(Box::new(Json::from("h"))));
        for (i, expected) in [first, second].iter().enumerate() {
            let (record, _) = originals.get(i, "t");
            assert_eq!((record.offset, record.timestamp), (expected.offset, expected.timestamp));
            assert_eq!((record.key, record.value), (expected.key, expected.value));
        }
        assert_eq!(originals.get(1, "t").1, Some(&Json::from("h")));
        assert_eq!(hex(Some(&[0, 255])), Json::from("\\x00ff"));
    }
}
