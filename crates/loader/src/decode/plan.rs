//! A table definition compiled into what turns each message straight into a row of binary COPY.

use std::collections::HashMap;
use std::str;

use super::json::for_each_field;
use super::row::{fill_from_metadata, Row};
use super::value::encode_json;
use super::{sqlstate, Record, Reject};
use crate::config::{Column, Source, UnknownFields};
use crate::definition::Definition;

/// The compiled form of a definition, with the scratch space in which rows are put together.
pub struct Plan {
    columns: Vec<Column>,
    /// The columns that take record metadata.
    metadata: Vec<(usize, Source)>,
    root: Node,
    unknown: UnknownFields,
    row: Row,
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
            row: Row::new(definition.columns.len(), definition.overflow.is_some()),
        }
    }

    /// Appends the message as a row to `out`, or says why it cannot be one and leaves `out` as it was.
    pub fn append_row(&mut self, record: &Record, out: &mut Vec<u8>) -> Result<(), Reject> {
        let value = record.value.ok_or_else(Reject::no_value)?;
        let json = str::from_utf8(value).map_err(|e| Reject::new(sqlstate::BAD_CHARACTER, e.to_string()))?;
        self.row.clear();
        for (i, source) in &self.metadata {
            fill_from_metadata(&self.columns[*i], source, record, &mut self.row, *i)?;
        }
        walk(&self.root, &self.columns, self.unknown, &mut self.row, json)?;
        self.row.assemble(&self.columns, out)
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

/// Takes the fields of an object: into their columns, or into the overflow.
fn walk(
    node: &Node,
    columns: &[Column],
    unknown: UnknownFields,
    row: &mut Row,
    json: &str,
) -> Result<(), Reject> {
    let mut next = 0;
    for_each_field(json, |key, raw| {
        let Some(field) = node.find(key, &mut next) else {
            return leave_over(key, raw, unknown, row);
        };
        for &i in &field.columns {
            let column = &columns[i];
            row.fill(i, column, |out| encode_json(column.kind, column.unit, raw, out))?;
        }
        match &field.inner {
            Some(inner) if raw.starts_with('{') => {
                row.nest_overflow(key, |row| walk(inner, columns, unknown, row, raw))
            }
            // A scalar where an object was expected has no column to go to.
            Some(_) if field.columns.is_empty() && raw != "null" => leave_over(key, raw, unknown, row),
            _ => Ok(()),
        }
    })
}

fn leave_over(key: &str, raw: &str, unknown: UnknownFields, row: &mut Row) -> Result<(), Reject> {
    match unknown {
        UnknownFields::Keep | UnknownFields::Add => {
            row.begin_overflow_field(key).push_str(raw);
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
