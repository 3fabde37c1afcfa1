//! A route into a table, compiled into a plan that turns JSON messages straight into rows of binary COPY.

use crate::config::{Column, Mapping, Source, UnknownFields};
use crate::decode::cell::Cell;
use crate::decode::metadata::Metadata;
use crate::decode::node::{Member, Node, Visitor};
use crate::decode::row::Row;
use crate::decode::rows::Rows;
use crate::decode::value::Value;
use crate::decode::walk::{for_each_element, for_each_field};
use crate::decode::{json_text, sqlstate, Record, Reject};
use crate::definition::Definition;

/// The compiled plan, with scratch space in which rows are assembled.
pub struct JsonPlan {
    cells: Vec<Cell>,
    metadata: Metadata,
    root: Node,
    list: Option<List>,
    unknown: UnknownFields,
    row: Row,
}

/// The values to extract from each element of a list in the message.
struct List {
    element: Member,
    /// The cells for the element's place or name.
    keys: Vec<usize>,
    /// All cells that are filled from elements.
    cells: Vec<usize>,
}

/// Whether a message had the list from which rows are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundList {
    /// A list was there, perhaps an empty one.
    Yes,
    /// No list was there, where one should be.
    NoList,
}

impl JsonPlan {
    /// Compiles a route into a table; `columns` are the columns that the route fills.
    pub fn new(mapping: &Mapping, columns: &[Column], definition: &Definition) -> Self {
        let cells: Vec<Cell> = columns.iter().map(|column| Cell::new(column, definition)).collect();
        let mut metadata = Metadata::default();
        let mut root = Node::default();
        let mut list = List { element: Member::default(), keys: Vec::new(), cells: Vec::new() };
        for (i, column) in columns.iter().enumerate() {
            match column.source() {
                _ if column.value.is_some() => metadata.add_constant(i),
                Source::Field(path) => root.want(&path, i),
                Source::Element(path) => {
                    list.element.want(&path, i);
                    list.cells.push(i);
                }
                Source::ElementKey => {
                    list.keys.push(i);
                    list.cells.push(i);
                }
                fact => metadata.add(i, fact),
            }
        }
        let for_each = mapping.route.and_then(|route| route.for_each.as_ref());
        if let Some(path) = for_each {
            root.want(&path.0, cells.len());
        }
        let unknown = mapping.layout.unknown_fields;
        let list = for_each.map(|_| list);
        Self { cells, metadata, root, list, unknown, row: Row::new(definition) }
    }

    /// Appends the rows of a message to `out`, or returns why there cannot be any; in that case `out` may hold some of
    /// them.
    pub fn append_rows(
        &mut self,
        record: &Record,
        message: u32,
        out: &mut Rows,
    ) -> Result<FoundList, Reject> {
        let Self { cells, metadata, root, list, unknown, row } = self;
        row.begin_message(record.size());
        metadata.fill(cells, record, row)?;
        let Some(value) = record.value else {
            if !cells.iter().any(|cell| cell.is_key) {
                return Err(Reject::no_value());
            }
            return row.assemble_gone(cells, message, out).map(|()| FoundList::Yes);
        };
        let mut fill = RowFill { cells, unknown: *unknown, row, list: None };
        root.walk(json_text(value)?, &mut fill)?;
        let found = fill.list;
        let Some(list) = list else {
            return row.assemble(cells, message, out).map(|()| FoundList::Yes);
        };
        let Some(raw) = found.filter(|raw| *raw != "null") else { return Ok(FoundList::NoList) };
        let mark = row.mark();
        let mut append = |key: &str, raw| {
            row.rewind(mark, list.cells.iter().map(|i| &cells[*i]));
            for i in &list.keys {
                row.fill(&cells[*i], |out| cells[*i].encode(cells[*i].unit, Value::Text(key.into()), out))?;
            }
            let mut fill = RowFill { cells, unknown: *unknown, row, list: None };
            list.element.walk("@", raw, &mut fill)?;
            row.assemble(cells, message, out)
        };
        if raw.starts_with('{') {
            for_each_field(raw, append)?;
        } else {
            let mut place = 0;
            for_each_element(raw, |raw| {
                append(&place.to_string(), raw)?;
                place += 1;
                Ok(())
            })?;
        }
        Ok(FoundList::Yes)
    }
}

/// Puts values into the cells of a row, and all others into its overflow.
struct RowFill<'p, 'm> {
    cells: &'p [Cell],
    unknown: UnknownFields,
    row: &'p mut Row,
    /// The list of which each element becomes a row.
    list: Option<&'m str>,
}

impl<'m> Visitor<'m> for RowFill<'_, 'm> {
    fn value(&mut self, slot: usize, raw: &'m str) -> Result<(), Reject> {
        match self.cells.get(slot) {
            Some(cell) => self.row.fill_for_now(cell, |out| cell.encode_json(raw, out)),
            None => self.list = Some(raw),
        }
        Ok(())
    }

    fn left_over(&mut self, key: &str, raw: &'m str) -> Result<(), Reject> {
        match self.unknown {
            UnknownFields::Keep | UnknownFields::Add => {
                self.row.begin_overflow_field(key).push_str(raw);
                Ok(())
            }
            UnknownFields::Ignore => Ok(()),
            UnknownFields::Refuse => {
                Err(Reject::new(sqlstate::UNDEFINED_COLUMN, format!("no column takes the field {key:?}")))
            }
        }
    }

    fn inside(
        &mut self,
        key: &str,
        walk: impl FnOnce(&mut Self) -> Result<(), Reject>,
    ) -> Result<(), Reject> {
        if !matches!(self.unknown, UnknownFields::Keep | UnknownFields::Add) {
            return walk(self);
        }
        let nest = self.row.begin_nested_overflow(key);
        walk(self)?;
        self.row.end_nested_overflow(nest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{rows, texts};
    use super::*;

    fn row(topic: &str, json: &str) -> Result<Vec<Option<String>>, Reject> {
        rows(topic, "k", Some(json)).map(|mut rows| rows.remove(0).1)
    }

    #[test]
    fn any_order_nesting_metadata_and_overflow() {
        let columns = "columns = [
            { name = 'a', type = 'text', from = 'x' }, { name = 'b', type = 'text', from = 'n.b' },
            { name = 'o', type = 'text', from = '$offset' }, { name = 'k', type = 'text', from = '$key' }]\n";
        let json = r#"{"n": {"c": [1], "b": "B"}, "z": null, "x": "A", "q\"": 2}"#;
        let overflow = "\u{1}{\"n\":{\"c\":[1]},\"z\":null,\"q\\\"\":2}";
        let expected = texts(&[Some("A"), Some("B"), Some("7"), Some("k"), Some(overflow)]);
        assert_eq!(row(columns, json).unwrap(), expected);
        assert_eq!(row(columns, r#"{"n": {}}"#).unwrap(), texts(&[None, None, Some("7"), Some("k"), None]));
        assert_eq!(row(columns, r#"{"n": 5}"#).unwrap()[4].as_deref(), Some("\u{1}{\"n\":5}"));
        assert_eq!(row(&format!("{columns}unknown_fields = 'ignore'"), json).unwrap().len(), 4);
        let refused = row(&format!("{columns}unknown_fields = 'refuse'"), json).unwrap_err();
        assert_eq!(refused.sqlstate, "42703");
    }

    #[test]
    fn rejects_name_the_column() {
        let id = "columns = [{ name = 'id', type = 'bigint', required = true }]";
        let wrong = row(id, r#"{"id": "x"}"#).unwrap_err();
        assert_eq!((wrong.sqlstate.as_str(), wrong.column.as_deref()), ("22P02", Some("id")));
        let missing = row(id, "{}").unwrap_err();
        assert_eq!((missing.sqlstate.as_str(), missing.column.as_deref()), ("23502", Some("id")));
        assert_eq!(row(id, r#"{"id": 1, "t": "\u0000"}"#).unwrap_err().sqlstate, "22P05");
    }

    #[test]
    fn of_fields_with_one_name_the_last_counts() {
        let id = "columns = [{ name = 'id', type = 'boolean', required = true }]\nunknown_fields = 'ignore'";
        assert_eq!(row(id, r#"{"id": "x", "id": true}"#).unwrap(), texts(&[Some("\u{1}")]));
        assert_eq!(row(id, r#"{"id": true, "id": "x"}"#).unwrap_err().sqlstate, "22P02");
    }

    #[test]
    fn places_in_arrays_and_what_is_left_of_them() {
        let columns = "columns = [{ name = 'a', type = 'text', from = '1.p.0' },
            { name = 'last', type = 'text', from = '-1' }]";
        let json = r#"[564, {"p": ["1.5", 0, "0.79"], "q": 1}, "x", 99]"#;
        let overflow = "\u{1}{\"0\":564,\"1\":{\"p\":{\"1\":0,\"2\":\"0.79\"},\"q\":1},\"2\":\"x\"}";
        assert_eq!(row(columns, json).unwrap(), texts(&[Some("1.5"), Some("99"), Some(overflow)]));
        assert_eq!(row(columns, "[]").unwrap(), texts(&[None, None, None]));
        assert_eq!(row(columns, r#"{"-1": "a"}"#).unwrap(), texts(&[None, Some("a"), None]));
    }

    #[test]
    fn each_element_becomes_a_row() {
        let topic = "[[topic.route]]\ntable = 'levels'\nfor_each = 'd.bids'\ncolumns = [
            { name = 'n', type = 'text', from = '@key' }, { name = 'p', type = 'text', from = '@.0' },
            { name = 's', type = 'text', from = '@.size' }, { name = 'side', type = 'text', value = 'buy' },
            { name = 'm', type = 'text', from = 'm' }]";
        let json = r#"{"d": {"bids": [["1", "2"], {"size": ""}, {}], "asks": []}, "m": "M"}"#;
        let found: Vec<_> = rows(topic, "k", Some(json)).unwrap().into_iter().map(|(_, row)| row).collect();
        let left = |element: &str| format!("\u{1}{{\"d\":{{\"asks\":[]}}{element}}}");
        let expected = [
            texts(&[Some("0"), Some("1"), None, Some("buy"), Some("M"), Some(&left(",\"@\":{\"1\":\"2\"}"))]),
            texts(&[Some("1"), None, Some(""), Some("buy"), Some("M"), Some(&left(""))]),
            texts(&[Some("2"), None, None, Some("buy"), Some("M"), Some(&left(""))]),
        ];
        assert_eq!(found, expected);
        let object = rows(topic, "k", Some(r#"{"d": {"bids": {"x": ["1"]}}}"#)).unwrap();
        assert_eq!(object[0].1[..2], texts(&[Some("x"), Some("1")]));
        assert!(rows(topic, "k", Some(r#"{"d": {"bids": []}}"#)).unwrap().is_empty());
        for none in [r#"{"d": {"bids": null}}"#, "{}"] {
            assert_eq!(rows(topic, "k", Some(none)).unwrap_err().sqlstate, "22004");
        }
        assert_eq!(rows(topic, "k", Some(r#"{"d": {"bids": 5}}"#)).unwrap_err().sqlstate, "22P02");
    }

    #[test]
    fn keyed_rows_are_numbered_and_a_tombstone_takes_them_away() {
        let topic = "key = ['id']\ncolumns = [{ name = 'id', type = 'text', from = '$key.id' },
            { name = 'v', type = 'text', required = true }]\nunknown_fields = 'ignore'";
        let key = r#"{"id": "a", "more": [1]}"#;
        let row = rows(topic, key, Some(r#"{"v": "x"}"#)).unwrap().remove(0).1;
        assert_eq!(row, texts(&[Some("a"), Some("x"), Some("\0\0\0\u{1}"), Some("\0")]));
        let gone = rows(topic, key, None).unwrap().remove(0).1;
        assert_eq!(gone, texts(&[Some("a"), None, Some("\0\0\0\u{1}"), Some("\u{1}")]));
        assert_eq!(rows(topic, "{}", None).unwrap_err().sqlstate, "23502");
        assert_eq!(rows(topic, "no", None).unwrap_err().sqlstate, "22032");
    }
}
