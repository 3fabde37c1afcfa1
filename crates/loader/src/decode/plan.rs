//! A table definition compiled into what turns each message straight into a row of binary COPY.

use std::collections::HashMap;
use std::str;

use super::json::for_each_field;
use super::value::{encode, encode_json, encode_jsonb, Value};
use super::{sqlstate, Record, Reject};
use crate::config::{Column, Source, Unit, UnknownFields};
use crate::copy::{append_field, begin_row};
use crate::definition::Definition;

/// The compiled form of a definition, with the scratch space in which rows are put together.
pub struct Plan {
    columns: Vec<Column>,
    /// The columns that take record metadata.
    metadata: Vec<(usize, Source)>,
    root: Node,
    unknown: UnknownFields,
    has_overflow: bool,
    parts: Parts,
}

/// The fields expected in one object.
#[derive(Default)]
struct Node {
    fields: Vec<(String, Field)>,
    index: HashMap<String, usize>,
}

/// What one field feeds: columns as a whole, or others through its own fields.
#[derive(Default)]
struct Field {
    columns: Vec<usize>,
    inner: Option<Node>,
}

/// The values of a row, in the order in which the message has them.
#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
    /// By column: where in `bytes` it is, or nothing for NULL.
    spans: Vec<Option<(usize, usize)>>,
    /// The fields that no column takes, as JSON.
    overflow: String,
}

impl Plan {
    /// Compiles a definition.
    pub fn new(definition: &Definition) -> Self {
        let mut root = Node::default();
        let mut metadata = Vec::new();
        for (i, column) in definition.columns.iter().enumerate() {
            match column.source() {
                Source::Field(path) => root.add(&path, i),
                source => metadata.push((i, source)),
            }
        }
        Self {
            columns: definition.columns.clone(),
            metadata,
            root,
            unknown: definition.unknown_fields,
            has_overflow: definition.overflow.is_some(),
            parts: Parts::default(),
        }
    }

    /// Appends the message as a row to `out`, or says why it cannot be one and leaves `out` as it was.
    pub fn append_row(&mut self, record: &Record, out: &mut Vec<u8>) -> Result<(), Reject> {
        let value =
            record.value.ok_or_else(|| Reject::new(sqlstate::NULL_VALUE, "the message has no value"))?;
        let json = str::from_utf8(value).map_err(|e| Reject::new(sqlstate::BAD_CHARACTER, e.to_string()))?;
        self.parts.clear(self.columns.len());
        for (i, source) in &self.metadata {
            fill_from_metadata(&self.columns[*i], source, record, &mut self.parts, *i)?;
        }
        walk(&self.root, &self.columns, self.unknown, &mut self.parts, json)?;
        self.assemble(out)
    }

    fn assemble(&mut self, out: &mut Vec<u8>) -> Result<(), Reject> {
        let missing =
            self.columns.iter().zip(&self.parts.spans).find(|(c, span)| c.required && span.is_none());
        if let Some((column, _)) = missing {
            return Err(
                Reject::new(sqlstate::NOT_NULL, "the required value is missing").in_column(&column.name)
            );
        }
        let overflow = self.parts.encode_overflow()?;
        let count = self.columns.len() + usize::from(self.has_overflow);
        begin_row(count, out);
        for span in &self.parts.spans {
            append_field(span.map(|(from, to)| &self.parts.bytes[from..to]), out);
        }
        if self.has_overflow {
            append_field(overflow.map(|from| &self.parts.bytes[from..]), out);
        }
        Ok(())
    }
}

impl Node {
    fn add(&mut self, path: &[String], column: usize) {
        let (first, rest) = path.split_first().expect("a path has at least one step");
        let at = *self.index.entry(first.clone()).or_insert_with(|| {
            self.fields.push((first.clone(), Field::default()));
            self.fields.len() - 1
        });
        let field = &mut self.fields[at].1;
        if rest.is_empty() {
            field.columns.push(column);
        } else {
            field.inner.get_or_insert_default().add(rest, column);
        }
    }

    /// Finds a field; messages mostly keep one order, so the one after the last found is tried first.
    fn find(&self, key: &str, next: &mut usize) -> Option<&Field> {
        let at = match self.fields.get(*next) {
            Some((name, _)) if name == key => *next,
            _ => *self.index.get(key)?,
        };
        *next = at + 1;
        Some(&self.fields[at].1)
    }
}

impl Parts {
    fn clear(&mut self, columns: usize) {
        self.bytes.clear();
        self.overflow.clear();
        self.spans.clear();
        self.spans.resize(columns, None);
    }

    /// Appends a column's value, written by `encode`, which gives false for null.
    fn fill(
        &mut self,
        i: usize,
        column: &Column,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, Reject>,
    ) -> Result<(), Reject> {
        let start = self.bytes.len();
        let present = encode(&mut self.bytes).map_err(|reject| reject.in_column(&column.name))?;
        self.spans[i] = present.then_some((start, self.bytes.len()));
        Ok(())
    }

    /// Appends the leftover fields as jsonb, and says where; nothing if there are none.
    fn encode_overflow(&mut self) -> Result<Option<usize>, Reject> {
        if self.overflow.is_empty() {
            return Ok(None);
        }
        self.overflow.push('}');
        let from = self.bytes.len();
        encode_jsonb(&self.overflow, &mut self.bytes)?;
        Ok(Some(from))
    }

    fn begin_overflow_field(&mut self, key: &str) {
        match self.overflow.chars().last() {
            None => self.overflow.push('{'),
            Some('{') => {}
            Some(_) => self.overflow.push(','),
        }
        self.overflow.push_str(&serde_json::Value::from(key).to_string());
        self.overflow.push(':');
    }
}

fn fill_from_metadata(
    column: &Column,
    source: &Source,
    record: &Record,
    parts: &mut Parts,
    i: usize,
) -> Result<(), Reject> {
    let value = match source {
        Source::Topic => Some(Value::Text(record.topic.into())),
        Source::Partition => Some(Value::Number(record.partition.to_string().into())),
        Source::Offset => Some(Value::Number(record.offset.to_string().into())),
        Source::Timestamp => record.timestamp.map(|millis| Value::Number(millis.to_string().into())),
        Source::Key => match record.key.map(str::from_utf8).transpose() {
            Ok(key) => key.map(|key| Value::Text(key.into())),
            Err(e) => {
                let reject = Reject::new(sqlstate::BAD_CHARACTER, format!("the key is not text: {e}"));
                return Err(reject.in_column(&column.name));
            }
        },
        Source::Field(_) => None,
    };
    let unit = if *source == Source::Timestamp { Some(Unit::Ms) } else { column.unit };
    match value {
        Some(value) => parts.fill(i, column, |out| encode(column.kind, unit, &value, out).map(|()| true)),
        None => Ok(()),
    }
}

/// Takes the fields of an object: into their columns, or into the overflow.
fn walk(
    node: &Node,
    columns: &[Column],
    unknown: UnknownFields,
    parts: &mut Parts,
    json: &str,
) -> Result<(), Reject> {
    let mut next = 0;
    for_each_field(json, |key, raw| {
        let Some(field) = node.find(key, &mut next) else {
            return leave_over(key, raw, unknown, parts);
        };
        for &i in &field.columns {
            let column = &columns[i];
            parts.fill(i, column, |out| encode_json(column.kind, column.unit, raw, out))?;
        }
        match &field.inner {
            Some(inner) if raw.starts_with('{') => walk_inner(inner, key, columns, unknown, parts, raw),
            // A scalar where an object was expected has no column to go to.
            Some(_) if field.columns.is_empty() && raw != "null" => leave_over(key, raw, unknown, parts),
            _ => Ok(()),
        }
    })
}

/// Walks a nested object; what is left over of it keeps its place under `key`.
fn walk_inner(
    node: &Node,
    key: &str,
    columns: &[Column],
    unknown: UnknownFields,
    parts: &mut Parts,
    json: &str,
) -> Result<(), Reject> {
    let before = parts.overflow.len();
    parts.begin_overflow_field(key);
    parts.overflow.push('{');
    let empty = parts.overflow.len();
    walk(node, columns, unknown, parts, json)?;
    if parts.overflow.len() == empty {
        parts.overflow.truncate(before);
    } else {
        parts.overflow.push('}');
    }
    Ok(())
}

fn leave_over(key: &str, raw: &str, unknown: UnknownFields, parts: &mut Parts) -> Result<(), Reject> {
    match unknown {
        UnknownFields::Keep => {
            parts.begin_overflow_field(key);
            parts.overflow.push_str(raw);
            Ok(())
        }
        UnknownFields::Ignore => Ok(()),
        UnknownFields::Refuse => {
            Err(Reject::new(sqlstate::UNDEFINED_COLUMN, format!("no column takes the field {key:?}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ColumnType, TableName};

    fn definition(columns: &[(&str, ColumnType, &str)], unknown_fields: UnknownFields) -> Definition {
        let columns = columns.iter().map(|(name, kind, from)| Column {
            name: name.to_string(),
            kind: *kind,
            from: Some(Source::try_from(from.to_string()).unwrap()),
            unit: None,
            required: *name == "id",
        });
        let overflow = (unknown_fields == UnknownFields::Keep).then(|| "overflow".to_string());
        Definition { table: TableName::for_topic("t"), columns: columns.collect(), overflow, unknown_fields }
    }

    fn rows(definition: &Definition, json: &str) -> Result<Vec<Option<String>>, Reject> {
        let record = Record {
            topic: "t",
            partition: 3,
            offset: 7,
            timestamp: None,
            key: Some(b"k"),
            value: Some(json.as_bytes()),
        };
        let mut out = b"before".to_vec();
        let result = Plan::new(definition).append_row(&record, &mut out);
        let mut rest = out.strip_prefix(b"before").unwrap();
        if let Err(reject) = result {
            assert!(rest.is_empty(), "a refused message leaves nothing behind");
            return Err(reject);
        }
        let (count, tail) = rest.split_at(2);
        rest = tail;
        let mut values = Vec::new();
        for _ in 0..i16::from_be_bytes(count.try_into().unwrap()) {
            let (length, tail) = rest.split_at(4);
            let length = i32::from_be_bytes(length.try_into().unwrap());
            let (value, tail) = tail.split_at(length.max(0) as usize);
            values.push((length >= 0).then(|| String::from_utf8_lossy(value).into_owned()));
            rest = tail;
        }
        assert!(rest.is_empty());
        Ok(values)
    }

    fn texts(values: &[Option<&str>]) -> Vec<Option<String>> {
        values.iter().map(|v| v.map(str::to_string)).collect()
    }

    #[test]
    fn any_order_nesting_metadata_and_overflow() {
        use ColumnType::Text;
        let columns = [("a", Text, "x"), ("b", Text, "n.b"), ("o", Text, "$offset"), ("k", Text, "$key")];
        let kept = definition(&columns, UnknownFields::Keep);
        let json = r#"{"n": {"c": [1], "b": "B"}, "z": null, "x": "A", "q\"": 2}"#;
        let overflow = "\u{1}{\"n\":{\"c\":[1]},\"z\":null,\"q\\\"\":2}";
        assert_eq!(
            rows(&kept, json).unwrap(),
            texts(&[Some("A"), Some("B"), Some("7"), Some("k"), Some(overflow)])
        );
        assert_eq!(rows(&kept, r#"{"n": {}}"#).unwrap(), texts(&[None, None, Some("7"), Some("k"), None]));
        assert_eq!(rows(&kept, r#"{"n": 5}"#).unwrap()[4].as_deref(), Some("\u{1}{\"n\":5}"));
        assert_eq!(rows(&definition(&columns, UnknownFields::Ignore), json).unwrap().len(), 4);
        let refused = rows(&definition(&columns, UnknownFields::Refuse), json).unwrap_err();
        assert_eq!(refused.sqlstate, "42703");
    }

    #[test]
    fn rejects_name_the_column() {
        let plan = definition(&[("id", ColumnType::Bigint, "id")], UnknownFields::Keep);
        let wrong = rows(&plan, r#"{"id": "x"}"#).unwrap_err();
        assert_eq!((wrong.sqlstate.as_str(), wrong.column.as_deref()), ("22P02", Some("id")));
        let missing = rows(&plan, "{}").unwrap_err();
        assert_eq!((missing.sqlstate.as_str(), missing.column.as_deref()), ("23502", Some("id")));
        let nul = rows(&plan, r#"{"id": 1, "t": "\u0000"}"#).unwrap_err();
        assert_eq!(nul.sqlstate, "22P05");
    }
}
