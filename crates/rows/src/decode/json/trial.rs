//! Decoding for tests: one message, by a topic's section of the configuration.

use crate::config::Config;
use crate::decode::{Record, Reject, Routes, Rows};
use crate::definition::Definition;

/// A row: its table's name, and its values as bytes read as text.
pub type TrialRow = (String, Vec<Option<String>>);

/// Decodes one message into its rows.
pub fn rows(topic: &str, key: &str, value: Option<&str>) -> Result<Vec<TrialRow>, Reject> {
    let text = format!("job='j'\ndatabase='d'\nbrokers='b'\n[[topic]]\nname='t'\n{topic}");
    let topic = Config::parse("t.toml", &text).unwrap().topics.remove(0);
    let mut tables: Vec<Definition> = Vec::new();
    let mut of_way = Vec::new();
    for mapping in topic.mappings() {
        let table = topic.table_of(&mapping);
        let way = Definition::new(mapping.layout, table.clone(), mapping.columns.unwrap().to_vec());
        match tables.iter().position(|known| known.table == table) {
            Some(at) => {
                tables[at].unite(&way.columns);
                of_way.push(at);
            }
            None => {
                of_way.push(tables.len());
                tables.push(way);
            }
        }
    }
    let record = Record {
        topic: "t",
        partition: 3,
        offset: 7,
        timestamp: None,
        key: Some(key.as_bytes()),
        value: value.map(str::as_bytes),
        headers: None,
    };
    let mut routes = Routes::new(&topic, of_way.iter().map(|at| (*at, &tables[*at])));
    let mut out: Vec<Rows> = tables.iter().map(|_| Rows::default()).collect();
    for rows in &mut out {
        rows.copy.extend(b"\0\0");
        rows.end_row(0);
    }
    let outcome = routes.append_rows(&record, 1, &mut out);
    let mut found = Vec::new();
    for (table, rows) in tables.iter().zip(&out) {
        assert_eq!(rows.slice(0, 1), b"\0\0", "what was there stays");
        for row in 1..rows.len() {
            assert_eq!(rows.message(row), 1);
            found.push((table.table.name.clone(), fields(rows.slice(row, row + 1))));
        }
    }
    assert!(outcome.is_ok() || found.is_empty(), "a refused message leaves nothing behind");
    outcome.map(|_| found)
}

fn fields(row: &[u8]) -> Vec<Option<String>> {
    let (count, mut rest) = row.split_at(2);
    let mut values = Vec::new();
    for _ in 0..i16::from_be_bytes(count.try_into().unwrap()) {
        let (length, tail) = rest.split_at(4);
        let length = i32::from_be_bytes(length.try_into().unwrap());
        let (value, tail) = tail.split_at(length.max(0) as usize);
        values.push((length >= 0).then(|| String::from_utf8_lossy(value).into_owned()));
        rest = tail;
    }
    assert!(rest.is_empty());
    values
}

/// Returns values in the form in which tests compare them.
pub fn texts(values: &[Option<&str>]) -> Vec<Option<String>> {
    values.iter().map(|v| v.map(str::to_string)).collect()
}
