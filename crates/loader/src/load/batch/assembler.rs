//! Assembles messages into batches: decodes each into a row or a dead letter, and keeps count of the offsets.

use std::mem;
use std::time::{Duration, Instant};

use tally_postgres::Failure;
use tally_rows::config::{BatchLimits, Config, KeyFormat};
use tally_rows::decode::{Record, Reject};
use tally_rows::refusal::Stage;
use tally_rows::registry::Registry;

use super::dead_letter::MessageDeadLetter;
use super::keys::read_key;
use super::not_ready::NotReady;
use super::raw_messages::RawMessages;
use super::topic::{PartitionProgress, TopicDecoder, TopicState};
use super::{MessageBatch, OffsetSpan, TableChange};
use crate::load::assignment::{Assigned, AssignedPartition};

/// A message of up to this many times `max_message_bytes` is kept whole as a dead letter, a larger one only in part.
const KEPT_WHOLE: usize = 4;

/// The batch that is being filled, and the state of each topic.
pub struct Assembler {
    topics: Vec<TopicState>,
    limits: BatchLimits,
    max_message_bytes: usize,
    registry: Option<Registry>,
    batch: MessageBatch,
    opened: Instant,
    /// Whether a position has moved over offsets without messages.
    passed: bool,
    /// Index of the last message's topic, which is mostly that of the next.
    current: usize,
}

impl Assembler {
    /// An empty batch at the positions of an assignment.
    pub fn new(assigned: &Assigned, config: &Config) -> Result<Self, Failure> {
        let topics = assigned.topics.iter().map(|topic| TopicState::new(topic, assigned)).collect();
        let batch = MessageBatch::new(assigned.tables.len());
        let registry = config.registry.as_ref();
        let registry = registry.map(|config| Registry::new(config, assigned.schemas.clone())).transpose()?;
        let Config { batch: limits, max_message_bytes, .. } = *config;
        let opened = Instant::now();
        let mut assembler =
            Self { topics, limits, max_message_bytes, registry, batch, opened, passed: false, current: 0 };
        assembler.add(&assigned.partitions);
        Ok(assembler)
    }

    /// Takes messages of more partitions, from their positions.
    pub fn add(&mut self, partitions: &[AssignedPartition]) {
        for partition in partitions {
            let progress = &mut self.topics[partition.topic].progress;
            let at = partition.number as usize; // Kafka counts partitions from 0
            progress.resize(progress.len().max(at + 1), PartitionProgress::default());
            let next = partition.next;
            progress[at] = PartitionProgress { handed_over: next, taken: next, next, owned: true };
        }
    }

    /// Takes no more messages of a partition; returns false if the batch has some that were not handed over.
    pub fn remove(&mut self, topic: &str, partition: i32) -> bool {
        let topic = self.topic(topic);
        let Some(progress) = self.topics[topic].progress.get_mut(partition as usize) else { return true };
        progress.owned = false;
        progress.taken <= progress.handed_over
    }

    /// Moves the position of a partition over offsets without messages, which transactions leave behind.
    pub fn pass(&mut self, topic: &str, partition: i32, next: i64) {
        let topic = self.topic(topic);
        let progress = self.topics[topic].progress.get_mut(partition as usize);
        let Some(progress) = progress.filter(|progress| progress.owned && progress.next < next) else {
            return;
        };
        progress.next = next;
        self.open();
        self.passed = true;
    }

    /// Starts the clock of an empty batch.
    fn open(&mut self) {
        if self.is_empty() {
            self.opened = Instant::now();
        }
    }

    fn is_empty(&self) -> bool {
        self.batch.messages == 0 && !self.passed
    }

    /// Returns the index of the topic with this name.
    pub fn topic(&self, name: &str) -> usize {
        let found = self.topics.iter().position(|topic| topic.config.name == name);
        found.expect("only configured topics are read")
    }

    /// The offsets that come next, by topic and partition.
    pub fn positions(&self) -> impl Iterator<Item = ((usize, i32), i64)> + '_ {
        self.topics.iter().enumerate().flat_map(|(at, topic)| {
            let owned = topic.progress.iter().enumerate().filter(|(_, progress)| progress.owned);
            owned.map(move |(number, progress)| ((at, number as i32), progress.next))
        })
    }

    /// The offset that comes next in a partition.
    pub fn next(&self, topic: usize, partition: i32) -> i64 {
        self.topics[topic].progress[partition as usize].next
    }

    /// Takes a message into the batch; one that was taken before is passed over.
    ///
    /// Returns false if the message is to be offered again once the batch is handed over. After a failure of kind
    /// `Retry` it is to be offered again later: its schema cannot be had now.
    pub fn take_record(&mut self, record: &Record) -> Result<bool, Failure> {
        if self.topics[self.current].config.name != record.topic {
            self.current = self.topic(record.topic);
        }
        let progress = self.topics[self.current].progress.get(record.partition as usize);
        let progress = progress.copied().unwrap_or_default();
        if !progress.owned {
            return Ok(true); // the partition was given up
        }
        if record.offset < progress.next {
            tracing::warn!(topic = record.topic, record.partition, record.offset, "a message came twice");
            return Ok(true);
        }
        let bytes = record.size();
        let ready = match self.prepare(record, bytes) {
            Ok(key) => Ok(key),
            Err(NotReady::Rejected(reject)) => Err(reject),
            Err(NotReady::AfterHandOver) => return Ok(false),
            Err(NotReady::Failed(failure)) => return Err(failure),
        };
        self.open();
        let topic = &mut self.topics[self.current];
        let progress = &mut topic.progress[record.partition as usize];
        (progress.taken, progress.next) = (record.offset + 1, record.offset + 1);
        self.batch.messages += 1;
        self.batch.bytes += bytes;
        match (ready, &mut topic.decoder) {
            (Err(reject), _) => {
                let most = self.max_message_bytes;
                let letter = if bytes / KEPT_WHOLE < most {
                    MessageDeadLetter::new(record, Stage::Decode, reject)
                } else {
                    MessageDeadLetter::new(&record.beginning(most), Stage::Decode, reject.of_beginning())
                };
                self.batch.dead_letters.push(letter);
            }
            (Ok(_), TopicDecoder::Sampling(samples)) => {
                samples.push(self.current, record);
                if samples.len() >= topic.config.sample {
                    topic.decode_samples(self.current, &mut self.batch);
                }
            }
            (Ok(key), _) => {
                let key = key.as_deref().map(str::as_bytes).or(record.key);
                topic.decode(record, key, self.current, &mut self.batch);
            }
        }
        Ok(true)
    }

    /// Prepares the decoder of the current topic for a message; returns the text of its key if that is not the key
    /// itself.
    fn prepare(&mut self, record: &Record, bytes: usize) -> Result<Option<String>, NotReady> {
        if bytes > self.max_message_bytes {
            return Err(Reject::too_large(bytes, self.max_message_bytes).into());
        }
        let topic = &mut self.topics[self.current];
        if topic.asks_for_columns(record.value) {
            if !self.batch.rows[topic.tables[0]].is_empty() {
                return Err(NotReady::AfterHandOver);
            }
            topic.decoder = TopicDecoder::Sampling(RawMessages::default());
        }
        let Some(registry) = &mut self.registry else { return Ok(None) };
        if let TopicDecoder::Avro(decoder) = &mut topic.decoder {
            let has_rows = !self.batch.rows[topic.tables[0]].is_empty();
            let change = decoder.prepare(record.value, registry, (&topic.config, &topic.table), has_rows)?;
            self.batch.changes.extend(change.map(|change| TableChange::new(topic.tables[0], change)));
        }
        match topic.config.key_format {
            KeyFormat::Text => Ok(None),
            KeyFormat::Avro => read_key(record.key, registry),
        }
    }

    /// Whether the batch has reached a limit of size.
    pub fn is_full(&self) -> bool {
        self.batch.messages >= self.limits.rows || self.batch.bytes >= self.limits.bytes
    }

    /// Returns how long the batch may still wait; none if it is empty.
    pub fn patience(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| self.limits.age().saturating_sub(self.opened.elapsed()))
    }

    /// Closes the batch and returns it, if there is anything in it.
    pub fn close(&mut self) -> Option<MessageBatch> {
        if self.is_empty() {
            return None;
        }
        self.passed = false;
        for (at, topic) in self.topics.iter_mut().enumerate() {
            topic.decode_samples(at, &mut self.batch);
            for (number, progress) in topic.progress.iter_mut().enumerate() {
                if progress.next > progress.handed_over {
                    let span = OffsetSpan { from: progress.handed_over, to: progress.next };
                    self.batch.spans.insert((at, number as i32), span);
                    progress.handed_over = progress.next;
                }
            }
        }
        if let Some(registry) = &mut self.registry {
            self.batch.schemas = registry.take_fresh();
        }
        let next = self.batch.next();
        Some(mem::replace(&mut self.batch, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::assignment::{AssignedTopic, Table};

    fn assembler(limits: BatchLimits) -> Assembler {
        assembler_for(limits, "")
    }

    fn assembler_for(limits: BatchLimits, in_topic: &str) -> Assembler {
        let text = format!("job='j'\ndatabase='d'\nbrokers='b'\n[[topic]]\nname='t'\nsample=3\n{in_topic}\n");
        let mut config = Config::parse("t.toml", &text).unwrap();
        (config.batch, config.max_message_bytes) = (limits, 100);
        let topic = config.topics.remove(0);
        let name = topic.table_of(&topic.mappings()[0]);
        let table = Table { name, topic: "t".into(), definition: None, template: None };
        let topic = AssignedTopic { config: topic, tables: vec![0] };
        let partitions = [0, 2].map(|number| AssignedPartition {
            topic: 0,
            number,
            next: 10,
            high: 20,
            epoch: 1,
            topic_id: None,
        });
        let assigned = Assigned {
            topics: vec![topic],
            tables: vec![table],
            partitions: partitions.to_vec(),
            schemas: Vec::new(),
        };
        Assembler::new(&assigned, &config).unwrap()
    }

    fn record(partition: i32, offset: i64, value: &'static str) -> Record<'static> {
        Record {
            topic: "t",
            partition,
            offset,
            timestamp: None,
            key: None,
            value: Some(value.as_bytes()),
            headers: None,
        }
    }

    #[test]
    fn spans_cover_every_message_once() {
        let mut assembler = assembler(BatchLimits { rows: 3, ..BatchLimits::default() });
        assembler.take_record(&record(0, 10, "{\"a\":1}")).unwrap();
        assembler.take_record(&record(0, 12, "no")).unwrap();
        assembler.take_record(&record(0, 12, "no")).unwrap();
        assert!(!assembler.is_full(), "the repeated message does not count");
        assembler.take_record(&record(2, 10, "{\"a\":2}")).unwrap();
        assert!(assembler.is_full());
        let batch = assembler.close().unwrap();
        let spans: Vec<_> = batch.spans.into_iter().collect();
        assert_eq!(
            spans,
            [((0, 0), OffsetSpan { from: 10, to: 13 }), ((0, 2), OffsetSpan { from: 10, to: 11 })]
        );
        assert_eq!((batch.rows[0].len(), batch.dead_letters.len(), batch.changes.len()), (2, 1, 1));
        assert!(assembler.close().is_none());
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100)).leak();
        assembler.take_record(&record(2, 11, long)).unwrap();
        let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(400)).leak();
        assembler.take_record(&record(2, 12, huge)).unwrap();
        let batch = assembler.close().unwrap();
        let kept: Vec<_> = batch.dead_letters.iter().map(|letter| letter.len()).collect();
        assert_eq!((kept, batch.bytes), (vec![long.len(), 100], long.len() + huge.len()));
        assembler.take_record(&record(0, 13, "{\"a\":3}")).unwrap();
        let batch = assembler.close().unwrap();
        assert_eq!(batch.spans[&(0, 0)], OffsetSpan { from: 13, to: 14 });
        assert!(batch.changes.is_empty(), "the definition is made once");
    }

    #[test]
    fn positions_follow_where_there_are_no_messages() {
        let mut assembler = assembler(BatchLimits::default());
        assembler.pass("t", 0, 10);
        assembler.pass("t", 1, 99);
        assert!(assembler.close().is_none(), "nothing has moved");
        assembler.take_record(&record(0, 10, "{\"a\":1}")).unwrap();
        assembler.pass("t", 0, 12);
        assembler.pass("t", 2, 15);
        assert!(assembler.patience().is_some());
        let batch = assembler.close().unwrap();
        let spans: Vec<_> = batch.spans.into_iter().collect();
        assert_eq!(
            spans,
            [((0, 0), OffsetSpan { from: 10, to: 12 }), ((0, 2), OffsetSpan { from: 10, to: 15 })]
        );
        assembler.pass("t", 2, 16);
        assert!(assembler.remove("t", 2), "no message waits");
        assert_eq!(assembler.close().unwrap().messages, 0);
    }

    #[test]
    fn fields_that_have_no_column_get_one_when_the_rows_without_it_are_handed_over() {
        let mut assembler = assembler_for(BatchLimits::default(), "unknown_fields='add'");
        assembler.take_record(&record(0, 10, "{\"a\":1}")).unwrap();
        assert_eq!(assembler.close().unwrap().changes.len(), 1);
        assembler.take_record(&record(0, 11, "{\"a\":2,\"b\":null}")).unwrap();
        let grown = record(0, 12, "{\"a\":3,\"b\":1}");
        assert!(!assembler.take_record(&grown).unwrap(), "only after the rows before it");
        let before = assembler.close().unwrap();
        assert_eq!((before.rows[0].len(), before.changes.len()), (1, 0));
        assembler.take_record(&grown).unwrap();
        assembler.take_record(&record(0, 13, "{\"b\":1.5}")).unwrap();
        let after = assembler.close().unwrap();
        assert_eq!((after.rows[0].len(), after.dead_letters.len()), (2, 0));
        let statement = "ALTER TABLE \"t\" ADD COLUMN IF NOT EXISTS \"b\" double precision";
        assert_eq!(after.changes[0].statement.as_deref(), Some(statement));
        assembler.take_record(&record(0, 14, "{\"a\":4,\"b\":2}")).unwrap();
        assert!(assembler.close().unwrap().changes.is_empty());
    }

    #[test]
    fn nothing_is_inferred_from_poison() {
        let mut assembler = assembler(BatchLimits::default());
        assembler.take_record(&record(0, 10, "[1]")).unwrap();
        let batch = assembler.close().unwrap();
        assert_eq!((batch.dead_letters.len(), batch.changes.len()), (1, 0));
        assembler.take_record(&record(0, 11, "{\"a\":1}")).unwrap();
        assert_eq!(assembler.close().unwrap().changes.len(), 1);
    }
}
