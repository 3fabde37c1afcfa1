//! Infers a table's columns from sample messages: always the same from the same messages.

use std::collections::HashSet;

use jiff::Timestamp;

use super::walk::for_each_field;
use crate::config::{Column, ColumnType, Source};
use crate::decode::names::Names;
use crate::decode::text;
use crate::decode::value::Value;

/// Objects that use data as keys have any number of fields; PostgreSQL has at most 1600 columns.
const MAX_FIELDS: usize = 500;

/// The fields of messages that have columns.
pub struct Fields(HashSet<String>);

impl Fields {
    /// Those of these columns.
    pub fn of(columns: &[Column]) -> Self {
        let first = |column: &Column| match column.source() {
            Source::Field(path) => path.into_iter().next(),
            _ => None,
        };
        Self(columns.iter().filter_map(first).collect())
    }

    /// Whether a message has a field for which a column can be inferred.
    pub fn miss_any(&self, message: &[u8]) -> bool {
        let Ok(json) = text(message) else { return false };
        let mut missed = false;
        let complete = for_each_field(json, |key, raw| {
            missed |= !self.0.contains(key) && raw != "null";
            Ok(())
        });
        missed && complete.is_ok() && self.0.len() < MAX_FIELDS
    }
}

/// The columns that hold the fields of the samples beside those that are known, in the order in which fields first appear.
///
/// None if no sample is a JSON object. A field that is null in all samples gets no column: its type is not known.
pub fn infer<'a>(
    samples: impl IntoIterator<Item = &'a [u8]>,
    known: &[Column],
    reserved: &str,
) -> Option<Vec<Column>> {
    let known_fields = Fields::of(known).0;
    let mut fields: Vec<(String, Option<ColumnType>)> = Vec::new();
    let mut objects = 0;
    for sample in samples {
        let Ok(json) = std::str::from_utf8(sample) else { continue };
        let mut seen = Vec::new();
        let complete = for_each_field(json, |key, raw| {
            seen.push((key.to_string(), kind_of(raw)));
            Ok(())
        });
        if complete.is_err() {
            continue;
        }
        objects += 1;
        for (key, kind) in seen {
            match fields.iter().position(|(name, _)| *name == key) {
                _ if known_fields.contains(&key) => {}
                Some(at) => fields[at].1 = widen(fields[at].1, kind),
                None if known_fields.len() + fields.len() < MAX_FIELDS => fields.push((key, kind)),
                None => {} // it stays in the overflow column
            }
        }
    }
    let mut names = Names::new(reserved);
    names.take(known.iter().map(|column| column.name.as_str()));
    (objects > 0).then(|| columns(fields, names))
}

fn columns(fields: Vec<(String, Option<ColumnType>)>, mut names: Names) -> Vec<Column> {
    let typed = fields.into_iter().filter_map(|(key, kind)| Some((key, kind?)));
    typed
        .map(|(key, kind)| {
            let name = names.free(&key);
            Column::plain(name, kind, Some(Source::Field(vec![key])))
        })
        .collect()
}

/// The narrowest type for one value; none for null, which fits them all.
fn kind_of(raw: &str) -> Option<ColumnType> {
    if raw == "null" {
        return None;
    }
    Some(match Value::parse(raw) {
        Ok(Value::Boolean(_)) => ColumnType::Boolean,
        Ok(Value::Number(text)) if text.contains(['.', 'e', 'E']) => ColumnType::DoublePrecision,
        Ok(Value::Number(text)) if text.parse::<i64>().is_ok() => ColumnType::Bigint,
        Ok(Value::Number(_)) => ColumnType::Numeric,
        Ok(Value::Text(text)) if text.parse::<Timestamp>().is_ok() => ColumnType::Timestamptz,
        Ok(Value::Nested(_)) => ColumnType::Jsonb,
        Ok(Value::Text(_)) | Err(_) => ColumnType::Text,
    })
}

/// The narrowest type that holds the values of both.
fn widen(a: Option<ColumnType>, b: Option<ColumnType>) -> Option<ColumnType> {
    use ColumnType::*;
    let (Some(first), Some(second)) = (a, b) else { return a.or(b) };
    let both = [first, second];
    Some(match both {
        _ if first == second => first,
        _ if both.contains(&Jsonb) => Jsonb,
        [Bigint, DoublePrecision] | [DoublePrecision, Bigint] => DoublePrecision,
        [Bigint | Numeric | DoublePrecision, Bigint | Numeric | DoublePrecision] => Numeric,
        // Text takes every scalar as it is written.
        _ => Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(samples: &[&str]) -> Vec<(String, String)> {
        let columns = infer(samples.iter().map(|s| s.as_bytes()), &[], "overflow").unwrap();
        columns.into_iter().map(|c| (c.name, c.kind.to_string())).collect()
    }

    fn kinds(samples: &[&str]) -> String {
        inferred(samples).into_iter().map(|(_, kind)| kind).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn one_message() {
        let json = r#"{"i":1,"f":1.5,"b":true,"s":"x","at":"2026-01-01T00:00:00Z","o":{},"n":null}"#;
        assert_eq!(kinds(&[json]), "bigint,double precision,boolean,text,timestamptz,jsonb");
    }

    #[test]
    fn widening() {
        for (a, b, kind) in [
            ("1", "2.5", "double precision"),
            ("1", "99999999999999999999", "numeric"),
            ("1.5", "99999999999999999999", "numeric"),
            ("1", "\"x\"", "text"),
            ("true", "1", "text"),
            ("\"2026-01-01T00:00:00Z\"", "\"later\"", "text"),
            ("1", "[1]", "jsonb"),
            ("null", "1", "bigint"),
        ] {
            let (first, second) = (format!("{{\"a\":{a}}}"), format!("{{\"a\":{b}}}"));
            assert_eq!(kinds(&[&first, &second]), kind, "{a} and {b}");
            assert_eq!(kinds(&[&second, &first]), kind, "{b} and {a}");
        }
    }

    #[test]
    fn names_are_plain_and_unique() {
        let names: Vec<String> = inferred(&[r#"{"tradeId":1,"trade_id":2,"overflow":3}"#])
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["trade_id", "trade_id_2", "overflow_2"]);
    }

    #[test]
    fn fields_beside_the_known_ones() {
        let known = infer([b"{\"tradeId\":1}".as_slice()], &[], "overflow").unwrap();
        let fields = Fields::of(&known);
        let grown = b"{\"tradeId\":2,\"trade_id\":true}".as_slice();
        assert!(fields.miss_any(grown));
        for nothing_new in ["{\"tradeId\":3}", "{\"n\":null}", "{\"n\":1", "[1]", "5"] {
            assert!(!fields.miss_any(nothing_new.as_bytes()), "{nothing_new}");
        }
        let added = infer([grown], &known, "overflow").unwrap();
        assert_eq!(
            (added.len(), added[0].name.as_str(), added[0].kind),
            (1, "trade_id_2", ColumnType::Boolean)
        );
        let many: Vec<String> = (0..600).map(|n| format!("\"f{n}\":1")).collect();
        let many = format!("{{{}}}", many.join(","));
        let all = infer([many.as_bytes()], &[], "overflow").unwrap();
        assert!(!Fields::of(&all).miss_any(many.as_bytes()), "what is over the limit is not asked for again");
    }

    #[test]
    fn poison_is_passed_over() {
        assert_eq!(infer([b"[1]".as_slice(), b"\xff", b"{\"a\":"], &[], "overflow"), None);
        assert_eq!(kinds(&["{\"a\":", "{\"b\":1}"]), "bigint");
    }
}
