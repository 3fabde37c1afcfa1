//! The way from messages to events, by the loader's decoder.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tally_postgres::pgtype::copy;
use tally_postgres::{ErrorKind, Failure};
use tally_rows::config::{ColumnType, KeyFormat, MessageFormat};
use tally_rows::decode::avro::{to_text, unframe, AvroPlan, AvroShape};
use tally_rows::decode::{show_json, Record, Reject, Routes, Rows};
use tally_rows::definition::Definition;
use tally_rows::registry::Registry;

use super::event::{Content, Event, EventRow, EventTable, GrowingRow, Refusal};
use super::source::{EventSource, TopicTables};

/// Time between two requests to a registry that does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// A decoder of the messages of one topic.
pub struct Decoder {
    found: Arc<TopicTables>,
    shown: Vec<Shown>,
    routes: Routes,
    plans: HashMap<u32, AvroPlan>,
    registry: Option<Registry>,
    max_message_bytes: usize,
    rows: Vec<Rows>,
}

/// A table, and the types of the values in its rows.
struct Shown {
    table: Arc<EventTable>,
    kinds: Vec<ColumnType>,
    is_keyed: bool,
}

impl Decoder {
    /// Creates a decoder for a topic whose events are chosen by this column.
    pub fn new(
        source: &dyn EventSource,
        found: Arc<TopicTables>,
        key: Option<&str>,
    ) -> Result<Self, Failure> {
        let registry = source.registry().map(|registry| Registry::new(registry, Vec::new())).transpose()?;
        let targets = found.targets.iter().map(|target| (*target, &found.tables[*target]));
        Ok(Self {
            routes: Routes::new(&found.topic, targets),
            shown: found.tables.iter().map(|table| Shown::new(table, key)).collect(),
            rows: found.tables.iter().map(|_| Rows::default()).collect(),
            plans: HashMap::new(),
            registry,
            max_message_bytes: source.max_message_bytes(),
            found,
        })
    }

    /// Decodes a message; a registry that does not answer is waited for as long as `goes_on`. Returns none for what
    /// is passed over.
    pub fn decode(&mut self, record: &Record, goes_on: impl Fn() -> bool) -> Option<Event> {
        self.rows.iter_mut().for_each(|rows| rows.truncate(0));
        let event = |content| Event { partition: record.partition, offset: record.offset, content };
        match self.append_rows(record, &goes_on) {
            Ok(true) => Some(event(Content::Rows(self.shown_rows((record.partition, record.offset))))),
            Ok(false) => None,
            Err(reject) => Some(event(Content::Refused(Refusal {
                sqlstate: reject.sqlstate,
                column: reject.column,
                title: reject.message,
            }))),
        }
    }

    fn append_rows(&mut self, record: &Record, goes_on: &impl Fn() -> bool) -> Result<bool, Reject> {
        let size = record.size();
        if size > self.max_message_bytes {
            return Err(Reject::too_large(size, self.max_message_bytes));
        }
        let topic = &self.found.topic;
        let key = match (record.key, topic.key_format) {
            (Some(key), KeyFormat::Avro) => {
                let (id, value) = unframe(key)?;
                Some(to_text(&*shape(&mut self.registry, id, goes_on)?, value)?)
            }
            _ => None,
        };
        let record = &Record { key: key.as_deref().map(str::as_bytes).or(record.key), ..*record };
        let (MessageFormat::Avro, Some(value)) = (topic.format, record.value) else {
            return self.routes.append_rows(record, 0, &mut self.rows);
        };
        let (id, value) = unframe(value)?;
        // Routes need JSON, so that there is one table.
        if !self.plans.contains_key(&id) {
            let shape = shape(&mut self.registry, id, goes_on)?;
            self.plans.insert(id, AvroPlan::new(shape, &self.found.tables[0]));
        }
        let plan = self.plans.get_mut(&id).ok_or_else(|| Reject::no_schema(format!("no schema {id}")))?;
        plan.append_row(record, value, 0, &mut self.rows[0]).map(|()| true)
    }

    fn shown_rows(&self, place: (i32, i64)) -> Vec<EventRow> {
        let tables = self.rows.iter().zip(&self.shown);
        tables
            .flat_map(|(rows, shown)| {
                (0..rows.len()).map(move |row| shown.row(place, rows.slice(row, row + 1)))
            })
            .collect()
    }
}

impl Shown {
    fn new(definition: &Definition, key: Option<&str>) -> Self {
        let columns: Vec<String> = definition.names().into_iter().map(Into::into).collect();
        let kinds = definition.columns.iter().map(|column| column.kind());
        let table = EventTable {
            schema: definition.table.schema.clone().unwrap_or_default(),
            name: definition.table.name.clone(),
            key: columns.iter().position(|column| Some(column.as_str()) == key),
            columns,
        };
        Self {
            table: Arc::new(table),
            kinds: kinds.chain(definition.overflow.iter().map(|_| ColumnType::Jsonb)).collect(),
            is_keyed: definition.is_keyed(),
        }
    }

    fn row(&self, place: (i32, i64), row: &[u8]) -> EventRow {
        // Behind the values of a row with a key stand its number, and the flag that it is gone.
        let is_gone = self.is_keyed && copy::fields(row).nth(self.kinds.len() + 1).flatten() == Some(&[1]);
        let mut shown = GrowingRow::new(&self.table, place, is_gone);
        for (kind, value) in self.kinds.iter().zip(copy::fields(row)) {
            shown.push(|out| show_json(*kind, value, out));
        }
        shown.finish()
    }
}

/// Returns a schema of the registry.
fn shape(
    registry: &mut Option<Registry>,
    id: u32,
    goes_on: &impl Fn() -> bool,
) -> Result<Arc<AvroShape>, Reject> {
    let no_schema = |why: &dyn std::fmt::Display| Reject::no_schema(format!("no schema {id}: {why}"));
    let registry = registry.as_mut().ok_or_else(|| no_schema(&"there is no registry"))?;
    loop {
        match registry.shape(id) {
            Ok(shape) => return Ok(shape),
            Err(failure) if failure.kind() == ErrorKind::Reject => return Err(no_schema(&failure)),
            Err(failure) if !goes_on() => return Err(no_schema(&failure)),
            Err(failure) => {
                tracing::warn!("{failure}");
                std::thread::sleep(AGAIN);
            }
        }
    }
}
