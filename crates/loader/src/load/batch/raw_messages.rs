//! The messages of a batch as they came, in one buffer.
//!
//! A row that the server refuses becomes a dead letter with the message's own bytes; by then Kafka may have
//! dropped it.

use tally_rows::decode::Record;

/// The messages of a batch.
#[derive(Default)]
pub struct RawMessages {
    bytes: Vec<u8>,
    messages: Vec<Original>,
    /// Number of messages by topic.
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
    headers: Option<usize>,
}

impl RawMessages {
    /// No messages, with room for as many as there are in another batch.
    pub fn like(other: &Self) -> Self {
        Self {
            bytes: Vec::with_capacity(other.bytes.len()),
            messages: Vec::with_capacity(other.messages.len()),
            by_topic: Vec::new(),
        }
    }

    /// Keeps a message of the topic with this number.
    pub fn push(&mut self, topic: usize, record: &Record) {
        if self.by_topic.len() <= topic {
            self.by_topic.resize(topic + 1, 0);
        }
        self.by_topic[topic] += 1;
        let start = self.bytes.len();
        self.bytes.extend(record.key.unwrap_or_default());
        self.bytes.extend(record.value.unwrap_or_default());
        self.bytes.extend(record.headers.unwrap_or_default());
        self.messages.push(Original {
            topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            start,
            key: record.key.map(<[u8]>::len),
            value: record.value.map(<[u8]>::len),
            headers: record.headers.map(<[u8]>::len),
        });
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// The number of a message's topic.
    pub fn topic(&self, i: usize) -> usize {
        self.messages[i].topic
    }

    /// Number of messages of each topic that has some.
    pub fn by_topic(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.by_topic.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// Returns a message; the caller knows the topic's name.
    pub fn get<'a>(&'a self, i: usize, topic: &'a str) -> Record<'a> {
        let message = &self.messages[i];
        let mut rest = &self.bytes[message.start..];
        let mut take = |length: Option<usize>| length.and_then(|length| rest.split_off(..length));
        Record {
            topic,
            partition: message.partition,
            offset: message.offset,
            timestamp: message.timestamp,
            key: take(message.key),
            value: take(message.value),
            headers: take(message.headers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_kept() {
        let mut raw_messages = RawMessages::default();
        let first = Record {
            topic: "t",
            partition: 1,
            offset: 5,
            timestamp: Some(9),
            key: Some(b"k"),
            value: Some(b"v"),
            headers: None,
        };
        let second =
            Record { offset: 6, timestamp: None, key: None, value: None, headers: Some(b"h"), ..first };
        raw_messages.push(0, &first);
        raw_messages.push(0, &second);
        for (i, expected) in [first, second].iter().enumerate() {
            let record = raw_messages.get(i, "t");
            assert_eq!((record.offset, record.timestamp), (expected.offset, expected.timestamp));
            let parts = |record: &Record| {
                [record.key, record.value, record.headers].map(|part| part.map(<[u8]>::to_vec))
            };
            assert_eq!(parts(&record), parts(expected));
        }
    }
}
