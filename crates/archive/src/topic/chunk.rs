//! A chunk: the messages of a range of offsets, by the hours of their timestamps.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tally_postgres::Failure;
use tally_rows::decode::Record;
use tally_rows::raw::{append_line, Clock};

use super::source::SourcePartition;
use crate::slot::{Granularity, Slot, EVER};

/// Number of bytes of lines, and of hours, that end a chunk.
const MOST_BYTES: usize = 32 << 20;
const MOST_HOURS: usize = 744;
/// Level of compression, as of the tables' objects.
const ZSTD_LEVEL: i32 = 3;
/// Directory of messages that have no timestamp, or none within the calendar.
const NO_HOUR: &str = "year=__HIVE_DEFAULT_PARTITION__";

/// The messages of a range of offsets.
pub struct Chunk {
    /// The first offset.
    pub from: i64,
    /// The offset after the last one.
    pub to: i64,
    /// Lines by the number of the hour.
    hours: BTreeMap<Option<i64>, Lines>,
    bytes: usize,
}

#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    messages: i64,
}

/// An object that is to be written.
#[derive(Debug)]
pub struct HourObject {
    /// Name below the place of the archive.
    pub name: String,
    /// Number of messages.
    pub messages: i64,
    /// Hash of its lines.
    pub hash: String,
    /// Bytes of the object.
    pub file: Bytes,
}

impl Chunk {
    /// No messages, from an offset on.
    pub fn new(from: i64) -> Self {
        Self { from, to: from, hours: BTreeMap::new(), bytes: 0 }
    }

    /// Adds a message.
    pub fn push(&mut self, record: &Record, clock: Clock) {
        let lines = self.hours.entry(hour(record.timestamp)).or_default();
        let before = lines.bytes.len();
        append_line(record, clock, &mut lines.bytes);
        lines.messages += 1;
        self.bytes += lines.bytes.len() - before;
        self.to = record.offset + 1;
    }

    /// Whether no more messages should be added.
    pub fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES || self.hours.len() >= MOST_HOURS
    }

    /// Returns the objects of the chunk.
    pub fn pack(self, partition: &SourcePartition) -> Result<Vec<HourObject>, Failure> {
        let from = self.from;
        let pack = |(hour, lines): (Option<i64>, Lines)| {
            let name = object_name(partition, from, hour)?;
            HourObject::new(name, lines.messages, &lines.bytes)
        };
        self.hours.into_iter().map(pack).collect()
    }
}

impl HourObject {
    fn new(name: String, messages: i64, lines: &[u8]) -> Result<Self, Failure> {
        let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL).map_err(Failure::new)?;
        encoder.include_checksum(true).map_err(Failure::new)?;
        encoder.write_all(lines).map_err(Failure::new)?;
        let file = encoder.finish().map_err(Failure::new)?;
        Ok(Self { name, messages, hash: hex(&Sha256::digest(lines)), file: Bytes::from(file) })
    }

    /// An object without messages: of an hour whose messages the topic no longer has, so that none is counted twice.
    pub fn empty(name: String) -> Result<Self, Failure> {
        Self::new(name, 0, b"")
    }
}

/// Returns the hash of an object's lines; fails if it cannot be decompressed.
pub fn hash_of_lines(file: &[u8]) -> io::Result<String> {
    let mut decoder = zstd::Decoder::with_buffer(file)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match decoder.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            n => hasher.update(&buffer[..n]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the number of the hour of a timestamp, if it is within the calendar.
fn hour(timestamp: Option<i64>) -> Option<i64> {
    let second = timestamp?.div_euclid(1000);
    (EVER.0..EVER.1).contains(&second).then(|| second.div_euclid(Granularity::Hour.seconds()))
}

/// Returns the name of an object: the topic, the hour, the partition, the first offset of the chunk, and the topic's id.
fn object_name(partition: &SourcePartition, from: i64, hour: Option<i64>) -> Result<String, Failure> {
    let SourcePartition { topic, topic_id, number, .. } = partition;
    let directory = match hour {
        Some(hour) => Slot::numbered(hour, Granularity::Hour).directory()?,
        None => NO_HOUR.into(),
    };
    let id = topic_id.as_ref().map(|id| format!("-{id}")).unwrap_or_default();
    Ok(format!("{topic}/{directory}/{number}-{from:020}{id}.ndjson.zst"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(topic_id: Option<&str>) -> SourcePartition {
        let topic_id = topic_id.map(str::to_string);
        SourcePartition { topic: "trades".into(), topic_id, number: 3, low: 0, high: 9, skips_gaps: false }
    }

    fn record(offset: i64, timestamp: Option<i64>) -> Record<'static> {
        Record {
            topic: "trades",
            partition: 3,
            offset,
            timestamp,
            key: None,
            value: Some(b"{}"),
            headers: None,
        }
    }

    #[test]
    fn messages_are_in_objects_of_their_hours() -> Result<(), Failure> {
        let mut chunk = Chunk::new(5);
        let times = [
            Some(7_199_999),
            Some(7_200_000),
            Some(0),
            Some(7_200_001),
            None,
            Some(-1),
            Some(i64::MAX),
            Some(i64::MIN),
        ];
        for (at, time) in times.into_iter().enumerate() {
            chunk.push(&record(7 + at as i64, time), Clock::Producer);
        }
        assert_eq!((chunk.from, chunk.to), (5, 15));
        let objects = chunk.pack(&partition(Some("Ab-_")))?;
        let found: Vec<_> = objects.iter().map(|object| (object.name.as_str(), object.messages)).collect();
        let name = "3-00000000000000000005-Ab-_.ndjson.zst";
        let expected = [
            (format!("trades/year=__HIVE_DEFAULT_PARTITION__/{name}"), 3),
            (format!("trades/year=1969/month=12/day=31/hour=23/{name}"), 1),
            (format!("trades/year=1970/month=01/day=01/hour=00/{name}"), 1),
            (format!("trades/year=1970/month=01/day=01/hour=01/{name}"), 1),
            (format!("trades/year=1970/month=01/day=01/hour=02/{name}"), 2),
        ];
        assert_eq!(found, expected.each_ref().map(|(name, messages)| (name.as_str(), *messages)));
        for object in &objects {
            assert_eq!(hash_of_lines(&object.file).map_err(Failure::new)?, object.hash);
        }
        Ok(())
    }

    #[test]
    fn objects_are_known_by_their_lines() -> Result<(), Failure> {
        let empty = HourObject::empty("a".into())?;
        assert_eq!(hash_of_lines(&empty.file).map_err(Failure::new)?, empty.hash);
        let some = HourObject::new("a".into(), 1, b"{}\n")?;
        assert_ne!(some.hash, empty.hash);
        let mut broken = some.file.to_vec();
        *broken.last_mut().ok_or_else(|| Failure::new("no bytes"))? ^= 1;
        assert!(hash_of_lines(&broken).is_err() && hash_of_lines(&some.file[..9]).is_err());
        assert!(object_name(&partition(None), 12, None)?.ends_with("/3-00000000000000000012.ndjson.zst"));
        Ok(())
    }
}
