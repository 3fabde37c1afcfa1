//! Inference of a table's columns from sample messages; the same messages always lead to the same columns.

use std::collections::HashSet;

use super::evidence::FieldEvidence;
use crate::config::{plain_name, Column, Source};
use crate::decode::names::Names;
use crate::decode::walk::for_each_field;
use crate::decode::{json_text, Record};

/// The most columns: objects that use data as keys can have any number of fields, and PostgreSQL allows 1600.
const MAX_FIELDS: usize = 500;

/// The fields of messages for which there are columns.
pub struct KnownFields(HashSet<String>);

impl KnownFields {
    /// Takes the fields of these columns.
    pub fn of(columns: &[Column]) -> Self {
        let first = |column: &Column| match column.source() {
            Source::Field(path) => path.into_iter().next(),
            _ => None,
        };
        Self(columns.iter().filter_map(first).collect())
    }

    /// Whether a message has an unknown field for which a column can be inferred.
    pub fn miss_any(&self, message: &[u8]) -> bool {
        let Ok(json) = json_text(message) else { return false };
        let mut missed = false;
        let complete = for_each_field(json, |key, raw| {
            missed |= !self.0.contains(key) && raw != "null";
            Ok(())
        });
        missed && complete.is_ok() && self.0.len() < MAX_FIELDS
    }
}

/// Infers columns for the fields of the samples that are not known yet, in the order in which fields first appear.
///
/// Returns `None` if no sample is a JSON object. A field that is null in all samples gets no column: its type is not
/// known.
pub fn infer<'a>(
    samples: impl IntoIterator<Item = Record<'a>>,
    known: &[Column],
    reserved: &str,
) -> Option<Vec<Column>> {
    let known_fields = KnownFields::of(known).0;
    let mut fields: Vec<(String, FieldEvidence)> = Vec::new();
    let mut objects = 0;
    for sample in samples {
        let Some(Ok(json)) = sample.value.map(json_text) else { continue };
        let mut seen = Vec::new();
        let complete = for_each_field(json, |key, raw| {
            seen.push((key.to_string(), raw));
            Ok(())
        });
        if complete.is_err() {
            continue;
        }
        objects += 1;
        for (key, raw) in seen.into_iter().filter(|(key, _)| !known_fields.contains(key)) {
            let at = fields.iter().position(|(name, _)| *name == key).unwrap_or(fields.len());
            if at == fields.len() {
                if known_fields.len() + fields.len() == MAX_FIELDS {
                    continue; // the field stays in the overflow column
                }
                fields.push((key, FieldEvidence::default()));
            }
            if raw != "null" {
                fields[at].1.note(raw, sample.timestamp);
            }
        }
    }
    let mut names = Names::new(reserved);
    names.take_names(known.iter().map(|column| column.name.as_str()));
    (objects > 0).then(|| columns(&fields, names))
}

fn columns(fields: &[(String, FieldEvidence)], mut names: Names) -> Vec<Column> {
    let typed = fields.iter().filter_map(|(key, evidence)| Some((key, evidence.conclude(&plain_name(key))?)));
    let typed: Vec<_> = typed.collect();
    let free = names.free_for_all(typed.iter().map(|(key, _)| key.as_str()));
    let columns = typed.into_iter().zip(free).map(|((key, found), name)| {
        let source = Source::Field(vec![key.clone()]);
        let null = if found.empty_is_null { vec![String::new()] } else { Vec::new() };
        Column { unit: found.unit, null, ..Column::plain(name, found.kind, Some(source)) }
    });
    columns.collect()
}

/// Returns the fields that are not null in at least one of the samples.
pub fn fields_of<'a>(samples: impl IntoIterator<Item = Record<'a>>) -> HashSet<String> {
    let mut fields = HashSet::new();
    for json in samples.into_iter().filter_map(|sample| json_text(sample.value?).ok()) {
        // Fields before a syntax error count too.
        let _ = for_each_field(json, |key, raw| {
            if raw != "null" && !fields.contains(key) {
                fields.insert(key.to_string());
            }
            Ok(())
        });
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ColumnType;

    fn record(value: &[u8]) -> Record<'_> {
        let value = Some(value);
        Record { topic: "t", partition: 0, offset: 0, timestamp: None, key: None, value, headers: None }
    }

    fn inferred(samples: &[&str]) -> Vec<(String, String)> {
        let columns = infer(samples.iter().map(|s| record(s.as_bytes())), &[], "overflow").unwrap();
        columns.into_iter().map(|c| (c.name, c.declared.to_string())).collect()
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
        let names = |json| inferred(&[json]).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let found = names(r#"{"tradeId":1,"trade-id":2,"overflow":3}"#);
        assert_eq!(found, ["trade_id", "trade_id_2", "overflow_2"]);
        let found = names(r#"{"E":1,"e":2,"T":3,"trade_id":4,"tradeId":5,"user":6}"#);
        assert_eq!(found, ["e_upper", "e", "t", "trade_id", "trade_id_2", "user_"]);
    }

    #[test]
    fn fields_beside_the_known_ones() {
        let known = infer([record(b"{\"tradeId\":1}")], &[], "overflow").unwrap();
        let fields = KnownFields::of(&known);
        let grown = b"{\"tradeId\":2,\"trade_id\":true}".as_slice();
        assert!(fields.miss_any(grown));
        for nothing_new in ["{\"tradeId\":3}", "{\"n\":null}", "{\"n\":1", "[1]", "5"] {
            assert!(!fields.miss_any(nothing_new.as_bytes()), "{nothing_new}");
        }
        let added = infer([record(grown)], &known, "overflow").unwrap();
        assert_eq!(
            (added.len(), added[0].name.as_str(), added[0].kind()),
            (1, "trade_id_2", ColumnType::Boolean)
        );
        let many: Vec<String> = (0..600).map(|n| format!("\"f{n}\":1")).collect();
        let many = format!("{{{}}}", many.join(","));
        let all = infer([record(many.as_bytes())], &[], "overflow").unwrap();
        assert!(
            !KnownFields::of(&all).miss_any(many.as_bytes()),
            "what is over the limit is not asked for again"
        );
    }

    #[test]
    fn poison_is_passed_over() {
        assert_eq!(infer([b"[1]".as_slice(), b"\xff", b"{\"a\":"].map(record), &[], "overflow"), None);
        assert_eq!(kinds(&["{\"a\":", "{\"b\":1}"]), "bigint");
    }
}
