//! Decoding a topic of Avro messages, whose schemas may change while it is read.

use std::collections::HashMap;

use tally_rows::config::{TableName, Topic, UnknownFields};
use tally_rows::decode::avro::{columns, evolved, unframe, AvroPlan};
use tally_rows::decode::{Record, Reject, Routes, Rows};
use tally_rows::definition::{Definition, Template};
use tally_rows::registry::Registry;

use super::not_ready::NotReady;
use super::TableChange;

/// The decoder of a topic.
pub struct AvroDecoder {
    definition: Option<Definition>,
    /// The columns that may be filled, if the table exists and the first schema decides which of them are.
    template: Option<Template>,
    /// Routes for messages without a value.
    tombstones: Option<Routes>,
    /// The plans, by the number of the schema.
    plans: HashMap<u32, AvroPlan>,
}

impl AvroDecoder {
    /// A decoder for a table with what is known of it.
    pub fn new(definition: Option<Definition>, template: Option<Template>) -> Self {
        Self { definition, template, tombstones: None, plans: HashMap::new() }
    }

    /// Makes sure that there is a plan for a message, if there can be one; returns the table's new definition if that
    /// takes one, with the statement that makes it so unless it is so already.
    pub fn prepare(
        &mut self,
        value: Option<&[u8]>,
        registry: &mut Registry,
        (topic, table): (&Topic, &TableName),
        has_rows: bool,
    ) -> Result<Option<(Definition, Option<String>)>, NotReady> {
        let Some(Ok((id, _))) = value.map(unframe) else { return Ok(None) };
        if self.plans.contains_key(&id) {
            return Ok(None);
        }
        let shape = registry.shape(id).map_err(NotReady::without_schema)?;
        let change = match &self.definition {
            None => {
                let columns = columns(&shape, &topic.overflow_column);
                if columns.is_empty() {
                    return Err(Reject::no_schema(format!("schema {id} is not that of a record")).into());
                }
                if let Some(template) = &self.template {
                    Some((template.definition_with(|name| shape.has_field(name)), None))
                } else {
                    let definition = Definition::new(topic.mappings()[0].layout, table.clone(), columns);
                    let statement = definition.create_table();
                    Some((definition, Some(statement)))
                }
            }
            Some(definition) if topic.unknown_fields == UnknownFields::Add => {
                evolved(definition, &shape).map(|(definition, statement)| (definition, Some(statement)))
            }
            Some(_) => None,
        };
        if change.is_some() && has_rows {
            return Err(NotReady::AfterHandOver);
        }
        if let Some((definition, _)) = &change {
            self.definition = Some(definition.clone());
            self.tombstones = None;
            self.plans.clear();
        }
        if let Some(definition) = &self.definition {
            self.plans.insert(id, AvroPlan::new(shape, definition));
        }
        Ok(change)
    }

    /// Appends a message as a row to the table with this number, as `Routes::append_rows` does.
    pub fn append_row(
        &mut self,
        record: &Record,
        message: u32,
        (topic, table): (&Topic, usize),
        tables: &mut [Rows],
    ) -> Result<bool, Reject> {
        let Some(value) = record.value else {
            let definition = self.definition.as_ref().ok_or_else(Reject::no_value)?;
            let tombstones = self.tombstones.get_or_insert_with(|| Routes::new(topic, [(table, definition)]));
            return tombstones.append_rows(record, message, tables);
        };
        let (id, value) = unframe(value)?;
        let plan = self.plans.get_mut(&id).ok_or_else(|| Reject::no_schema(format!("no schema {id}")))?;
        plan.append_row(record, value, message, &mut tables[table]).map(|()| true)
    }
}

impl TableChange {
    /// A change of a table.
    pub fn new(table: usize, (definition, statement): (Definition, Option<String>)) -> Self {
        Self { table, definition, statement }
    }
}
