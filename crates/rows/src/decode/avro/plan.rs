//! A schema and a table, compiled into a plan that turns each message straight into a row of binary COPY.

use std::sync::Arc;

use super::cursor::Cursor;
use super::datum::DatumReader;
use super::shape::{AvroShape, Type};
use crate::config::{Source, UnknownFields};
use crate::decode::cell::Cell;
use crate::decode::metadata::Metadata;
use crate::decode::row::Row;
use crate::decode::rows::Rows;
use crate::decode::{sqlstate, Record, Reject};
use crate::definition::Definition;

/// The compiled plan.
pub struct AvroPlan {
    shape: Arc<AvroShape>,
    cells: Vec<Cell>,
    metadata: Metadata,
    /// The fields of the record, in the order in which messages have them.
    fields: Vec<PlannedField>,
    unknown: UnknownFields,
    row: Row,
}

/// A field and the columns that take it; a field without columns goes to the overflow.
#[derive(Debug, Clone, PartialEq)]
struct PlannedField {
    name: String,
    kind: Type,
    columns: Vec<usize>,
    /// Fields of a nested record, if any of them has a column.
    inner: Vec<PlannedField>,
}

impl AvroPlan {
    /// Compiles a schema for a table.
    pub fn new(shape: Arc<AvroShape>, definition: &Definition) -> Self {
        let cells: Vec<Cell> =
            definition.columns.iter().map(|column| Cell::new(column, definition)).collect();
        let (mut metadata, mut paths) = (Metadata::default(), Vec::new());
        for (i, column) in definition.columns.iter().enumerate() {
            match column.source() {
                _ if column.value.is_some() => metadata.add_constant(i),
                Source::Field(path) => paths.push((path, i)),
                fact => metadata.add(i, fact),
            }
        }
        let paths: Vec<_> = paths.iter().map(|(path, i)| (path.as_slice(), *i)).collect();
        let fields = match shape.root() {
            Type::Record(fields) => compile(&shape, fields, &paths),
            _ => Vec::new(),
        };
        Self { fields, cells, metadata, unknown: definition.unknown_fields, row: Row::new(definition), shape }
    }

    /// Appends a message to `out` as a row, or returns why it cannot be one and leaves `out` unchanged; `value` is the
    /// value without the framing.
    pub fn append_row(
        &mut self,
        record: &Record,
        value: &[u8],
        message: u32,
        out: &mut Rows,
    ) -> Result<(), Reject> {
        if !matches!(self.shape.root(), Type::Record(_)) {
            return Err(Reject::new(sqlstate::INVALID_TEXT, "the message's schema is not that of a record"));
        }
        self.row.begin_message(record.size());
        self.metadata.fill(&self.cells, record, &mut self.row)?;
        let mut cursor = Cursor::new(value);
        let reader = DatumReader { shape: &self.shape };
        walk(&reader, &self.fields, &self.cells, self.unknown, &mut self.row, &mut cursor)?;
        cursor.end()?;
        self.row.assemble(&self.cells, message, out)
    }
}

/// Plans the fields of a record; `paths` are the columns' paths, relative to this record.
fn compile(shape: &AvroShape, fields: &[(String, Type)], paths: &[(&[String], usize)]) -> Vec<PlannedField> {
    let field = |(name, kind): &(String, Type)| {
        let mut whole = Vec::new();
        let mut inner = Vec::new();
        for (path, column) in paths {
            match path.split_first() {
                Some((first, [])) if first == name => whole.push(*column),
                Some((first, rest)) if first == name => inner.push((rest, *column)),
                _ => {}
            }
        }
        let inner = match record(shape, kind) {
            Some(fields) if !inner.is_empty() => compile(shape, fields, &inner),
            _ => Vec::new(),
        };
        PlannedField { name: name.clone(), kind: kind.clone(), columns: whole, inner }
    };
    fields.iter().map(field).collect()
}

/// Returns the fields of a type that is a record, or a union of a record and null.
fn record<'s>(shape: &'s AvroShape, kind: &'s Type) -> Option<&'s [(String, Type)]> {
    match shape.resolved(kind) {
        Type::Record(fields) => Some(fields),
        Type::Union(variants) => match variants.as_slice() {
            [one, other] => match (shape.resolved(one), shape.resolved(other)) {
                (Type::Null, Type::Record(fields)) | (Type::Record(fields), Type::Null) => Some(fields),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Reads the fields of a record into their columns, or into the overflow.
fn walk<'a>(
    reader: &DatumReader<'a>,
    fields: &'a [PlannedField],
    cells: &[Cell],
    unknown: UnknownFields,
    row: &mut Row,
    cursor: &mut Cursor<'a>,
) -> Result<(), Reject> {
    for field in fields {
        let begin = *cursor;
        for &i in &field.columns {
            cursor.rewind(&begin);
            row.fill(&cells[i], |out| reader.column(&cells[i], &field.kind, cursor, out))?;
        }
        if !field.inner.is_empty() {
            cursor.rewind(&begin);
            if *reader.choose(&field.kind, cursor)? != Type::Null {
                let nest = row.begin_nested_overflow(&field.name);
                walk(reader, &field.inner, cells, unknown, row, cursor)?;
                row.end_nested_overflow(nest);
            }
        } else if field.columns.is_empty() {
            leave_over(reader, field, unknown, row, cursor)?;
        }
    }
    Ok(())
}

fn leave_over<'a>(
    reader: &DatumReader<'a>,
    field: &'a PlannedField,
    unknown: UnknownFields,
    row: &mut Row,
    cursor: &mut Cursor<'a>,
) -> Result<(), Reject> {
    let mut after = *cursor;
    match unknown {
        // A null counts as an absent field.
        _ if *reader.choose(&field.kind, &mut after)? == Type::Null => *cursor = after,
        UnknownFields::Keep | UnknownFields::Add => {
            reader.json(&field.kind, cursor, row.begin_overflow_field(&field.name), 0)?;
        }
        UnknownFields::Ignore => reader.skip(&field.kind, cursor, 0)?,
        UnknownFields::Refuse => {
            let what = format!("no column takes the field {:?}", field.name);
            return Err(Reject::new(sqlstate::UNDEFINED_COLUMN, what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, TableName};
    use crate::decode::avro::columns;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    /// A schema with all types that have lengths, branches or depth.
    const SCHEMA: &str = r#"{"type": "record", "name": "n", "fields": [
        {"name": "id", "type": "long"}, {"name": "s", "type": ["null", "string"]},
        {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 3}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "m", "type": {"type": "map", "values": ["null", "double"]}},
        {"name": "next", "type": {"type": "array", "items": "n"}}]}"#;

    fn plan(topic: &str) -> AvroPlan {
        let text = "job='j'\ndatabase='d'\nbrokers='b'\n[registry]\nurl='http://r'\n[[topic]]\nname='t'\nformat='avro'\n";
        let topic = Config::parse("t.toml", &format!("{text}{topic}")).unwrap().topics.remove(0);
        let shape = Arc::new(AvroShape::parse(SCHEMA, &[]).unwrap());
        let suggested = topic.columns.clone().unwrap_or_else(|| columns(&shape, "overflow"));
        AvroPlan::new(
            shape,
            &Definition::new(topic.mappings()[0].layout, TableName::for_topic("t"), suggested),
        )
    }

    fn row(plan: &mut AvroPlan, value: &[u8]) -> Result<Vec<u8>, Reject> {
        let record = Record {
            topic: "t",
            partition: 0,
            offset: 0,
            timestamp: None,
            key: None,
            value: Some(value),
            headers: None,
        };
        let mut out = Rows::default();
        let result = plan.append_row(&record, value, 0, &mut out);
        let row = out.copy;
        assert!(result.is_ok() || row.is_empty(), "a refused message leaves nothing behind");
        result.map(|()| row)
    }

    /// A message: id 1, s "x", d 0.001, a time, an empty map, no next.
    const GOOD: [u8; 9] = [2, 2, 2, b'x', 2, 1, 0, 0, 0];

    #[test]
    fn damaged_messages_are_refused_and_nothing_worse() {
        let mut plans =
            [plan(""), plan("unknown_fields = 'ignore'\ncolumns = [{ name = 's', type = 'text' }]\n")];
        assert!(plans.iter_mut().all(|plan| row(plan, &GOOD).is_ok()));
        let mut random = ChaCha12Rng::seed_from_u64(7);
        for _ in 0..200_000 {
            let mut value = GOOD.to_vec();
            for _ in 0..1 + random.next_u32() % 4 {
                let at = random.next_u32() as usize % value.len();
                match random.next_u32() % 3 {
                    0 => value[at] = random.next_u32() as u8,
                    1 => value.insert(at, random.next_u32() as u8),
                    _ => drop(value.remove(at)),
                }
            }
            plans.iter_mut().for_each(|plan| drop(row(plan, &value)));
        }
    }

    #[test]
    fn depth_and_emptiness_have_limits() {
        // Each level: id, no s, no d, a time, no map, and one more level inside.
        let level: &[u8] = &[0, 0, 0, 0, 0, 2];
        let mut deep = level.repeat(1_000_000);
        deep.extend([0, 0, 0, 0, 0, 0]);
        assert_eq!(row(&mut plan(""), &deep).unwrap_err().sqlstate, sqlstate::TOO_LARGE);
        // A billion nulls in five bytes would take long to read.
        let many: &[u8] = &[0, 0, 0, 0, 0x80, 0xa8, 0xd6, 0xb9, 0x07];
        assert_eq!(row(&mut plan(""), many).unwrap_err().sqlstate, sqlstate::BAD_BINARY);
    }
}
