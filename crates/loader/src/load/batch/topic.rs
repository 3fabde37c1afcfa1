//! Decodes the messages of one topic, and infers columns that are not known.

use std::mem;

use tally_rows::config::{MessageFormat, TableName, Topic, UnknownFields};
use tally_rows::decode::{fields_of, infer, KnownFields, Record, Routes};
use tally_rows::definition::{Definition, Template};
use tally_rows::refusal::Stage;

use super::avro;
use super::dead_letter::MessageDeadLetter;
use super::raw_messages::RawMessages;
use super::{MessageBatch, TableChange};
use crate::load::assignment::{Assigned, AssignedTopic};

/// The state of a topic.
pub struct TopicState {
    /// The topic's section of the configuration.
    pub config: Topic,
    /// The tables of its routes.
    pub tables: Vec<usize>,
    /// The name of the first table.
    pub table: TableName,
    /// The decoder of the topic's messages.
    pub decoder: TopicDecoder,
    /// The table's definition and its fields, if other fields of messages become new columns.
    growing: Option<(Definition, KnownFields)>,
    /// The columns that may be filled, if the table exists and the first messages decide which of them are.
    template: Option<Template>,
    /// Progress by partition number.
    pub progress: Vec<PartitionProgress>,
}

/// The progress of a partition: up to where it was handed over, and up to where it was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartitionProgress {
    /// The offset after the last message that was handed over.
    pub handed_over: i64,
    /// The offset after the last message that was taken.
    pub taken: i64,
    /// The offset that comes next: after the last message there may be offsets without messages.
    pub next: i64,
    /// Whether messages of the partition are taken.
    pub owned: bool,
}

/// The way of a topic's messages to rows.
pub enum TopicDecoder {
    /// Some columns are not known: messages are collected to infer them from.
    Sampling(RawMessages),
    /// JSON, by routes into tables.
    Json(Box<Routes>),
    /// Avro, by schemas.
    Avro(Box<avro::AvroDecoder>),
}

/// The result of inferring columns.
enum Inferred {
    /// No message is a JSON object.
    Nothing,
    /// The known definition is complete.
    AsItWas,
    /// A new definition, with the DDL for it unless the table already is as defined.
    Change(Option<String>),
}

impl TopicState {
    /// A topic where its run begins, without partitions.
    pub fn new(topic: &AssignedTopic, assigned: &Assigned) -> Self {
        let tables = || topic.tables.iter().map(|number| &assigned.tables[*number]);
        let first = &assigned.tables[topic.tables[0]];
        let known: Option<Vec<_>> = tables().map(|table| table.definition.as_ref()).collect();
        let decoder = match (topic.config.format, known) {
            (MessageFormat::Avro, _) => TopicDecoder::Avro(Box::new(avro::AvroDecoder::new(
                first.definition.clone(),
                first.template.clone(),
            ))),
            (MessageFormat::Json, Some(definitions)) => {
                let tables = topic.tables.iter().copied().zip(definitions);
                TopicDecoder::Json(Box::new(Routes::new(&topic.config, tables)))
            }
            (MessageFormat::Json, None) => TopicDecoder::Sampling(RawMessages::default()),
        };
        let mut state = Self {
            config: topic.config.clone(),
            tables: topic.tables.clone(),
            table: first.name.clone(),
            decoder,
            growing: None,
            template: first.template.clone(),
            progress: Vec::new(),
        };
        state.growing = first.definition.clone().and_then(|definition| state.grows_from(definition));
        state
    }

    /// Returns a definition with its fields, if other fields of messages become new columns.
    fn grows_from(&self, definition: Definition) -> Option<(Definition, KnownFields)> {
        let Topic { format, unknown_fields, .. } = self.config;
        let fields = KnownFields::of(&definition.columns);
        (format == MessageFormat::Json && unknown_fields == UnknownFields::Add)
            .then_some((definition, fields))
    }

    /// Whether a message has a field that is to become a new column.
    pub fn asks_for_columns(&self, value: Option<&[u8]>) -> bool {
        match (&self.decoder, &self.growing, value) {
            (TopicDecoder::Json(_), Some((_, fields)), Some(value)) => fields.miss_any(value),
            _ => false,
        }
    }

    /// Infers columns from the collected messages, and decodes these.
    pub fn decode_samples(&mut self, at: usize, batch: &mut MessageBatch) {
        let TopicDecoder::Sampling(samples) = &mut self.decoder else { return };
        let samples = mem::take(samples);
        let known = self.growing.take().map(|(definition, _)| definition);
        let (definition, outcome) = self.inferred(&samples, known);
        self.decoder =
            TopicDecoder::Json(Box::new(Routes::new(&self.config, [(self.tables[0], &definition)])));
        for i in 0..samples.len() {
            let name = self.config.name.clone();
            let record = samples.get(i, &name);
            // Without a definition nothing is a JSON object, and all of them become dead letters.
            self.decode(&record, record.key, at, batch);
        }
        match outcome {
            Inferred::Nothing => {
                self.decoder = TopicDecoder::Sampling(RawMessages::default());
                return;
            }
            Inferred::AsItWas => {}
            Inferred::Change(statement) => {
                batch.changes.push(TableChange::new(self.tables[0], (definition.clone(), statement)));
            }
        }
        self.growing = self.grows_from(definition);
    }

    /// Returns the definition with the columns that the samples add to it.
    fn inferred(&self, samples: &RawMessages, known: Option<Definition>) -> (Definition, Inferred) {
        let records = || (0..samples.len()).map(|i| samples.get(i, ""));
        let columns = known.as_ref().map_or(&[][..], |known| &known.columns);
        let inferred = infer(records(), columns, &self.config.overflow_column);
        match (known, &self.template, inferred) {
            (Some(mut known), _, inferred) => {
                let columns = inferred.unwrap_or_default();
                let clauses: Vec<String> = columns.into_iter().map(|column| known.add(column)).collect();
                let statement = format!("ALTER TABLE {} {}", known.table, clauses.join(", "));
                match clauses.is_empty() {
                    true => (known, Inferred::AsItWas),
                    false => (known, Inferred::Change(Some(statement))),
                }
            }
            (None, Some(template), Some(_)) => {
                let fields = fields_of(records());
                (template.definition_with(|name| fields.contains(name)), Inferred::Change(None))
            }
            (None, _, inferred) => {
                let is_any = inferred.is_some();
                let layout = self.config.mappings()[0].layout;
                let definition = Definition::new(layout, self.table.clone(), inferred.unwrap_or_default());
                let statement = definition.create_table();
                (definition, if is_any { Inferred::Change(Some(statement)) } else { Inferred::Nothing })
            }
        }
    }

    /// Decodes a message into rows or a dead letter; `key` is its key as the columns see it.
    pub fn decode(&mut self, record: &Record, key: Option<&[u8]>, topic: usize, batch: &mut MessageBatch) {
        let seen = &Record { key, ..*record };
        let message = batch.raw_messages.len() as u32; // a batch has far fewer messages
        let appended = match &mut self.decoder {
            TopicDecoder::Json(routes) => routes.append_rows(seen, message, &mut batch.rows),
            TopicDecoder::Avro(decoder) => {
                decoder.append_row(seen, message, (&self.config, self.tables[0]), &mut batch.rows)
            }
            TopicDecoder::Sampling(_) => return,
        };
        match appended {
            Ok(is_taken) => {
                if !is_taken {
                    *batch.ignored.entry((topic, record.partition)).or_default() += 1;
                }
                batch.raw_messages.push(topic, record);
            }
            Err(reject) => batch.dead_letters.push(MessageDeadLetter::new(record, Stage::Decode, reject)),
        }
    }
}
