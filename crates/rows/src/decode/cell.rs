//! A column, compiled into a converter of values to its binary form.

use std::borrow::Cow;

use regex::Regex;

use super::cast::Cast;
use super::encode::{encode, encode_json};
use super::value::Value;
use super::{sqlstate, Reject};
use crate::config::{Column, ColumnType, Unit};
use crate::definition::Definition;

/// A column that a plan fills.
pub struct Cell {
    /// The column's name.
    pub name: String,
    /// Type of the column.
    pub kind: ColumnType,
    /// The unit of numbers, in a column of a time type.
    pub unit: Option<Unit>,
    /// Place of the column in the table's rows.
    pub place: usize,
    /// Whether a row without the value is refused.
    pub required: bool,
    /// Whether the column belongs to the key.
    pub is_key: bool,
    /// The binary form of a constant, which is the same in every row.
    constant: Option<Vec<u8>>,
    transform: Option<Transform>,
    /// The conversion of JSON, where the server casts text to the type.
    cast: Option<Cast>,
}

/// A change of a value's text before it is encoded.
struct Transform {
    null: Vec<String>,
    pattern: Option<(Regex, String)>,
    values: Vec<(String, String)>,
}

impl Cell {
    /// Compiles a column of a table.
    pub fn new(column: &Column, definition: &Definition) -> Self {
        let place = definition.columns.iter().position(|known| known.name == column.name);
        let place = place.expect("a table has the columns of all ways into it");
        let known = &definition.columns[place];
        let transform = || Transform {
            null: column.null.clone(),
            pattern: column.pattern.as_ref().map(|pattern| {
                let regex = Regex::new(pattern).expect("the configuration was validated");
                let first = if regex.captures_len() > 1 { "${1}" } else { "${0}" };
                (regex, column.replacement.clone().unwrap_or_else(|| first.into()))
            }),
            values: column.values.clone().into_iter().collect(),
        };
        Self {
            name: column.name.clone(),
            kind: column.kind(),
            unit: column.unit,
            place,
            required: column.required,
            is_key: definition.key.contains(&column.name),
            constant: column.value.as_ref().and_then(|value| constant(column, &value.to_string()).ok()),
            transform: column.is_transformed().then(transform),
            cast: known.cast().as_deref().map(Cast::new),
        }
    }

    /// Returns the binary form of a constant.
    pub fn constant(&self) -> Option<&[u8]> {
        self.constant.as_deref()
    }

    /// Whether values are changed before they are encoded.
    pub fn is_transformed(&self) -> bool {
        self.transform.is_some()
    }

    /// Appends the binary form of a raw JSON value; returns false, and appends nothing, for NULL.
    pub fn encode_json(&self, raw: &str, out: &mut Vec<u8>) -> Result<bool, Reject> {
        if let (Some(cast), None) = (&self.cast, &self.transform) {
            return cast.encode_json(raw, out);
        }
        if self.transform.is_none() {
            return encode_json(self.kind, self.unit, raw, out);
        }
        if raw == "null" {
            return Ok(false);
        }
        self.encode(self.unit, Value::parse(raw)?, out)
    }

    /// Appends the binary form of an object or array, as JSON.
    pub fn encode_nested(&self, json: &str, out: &mut Vec<u8>) -> Result<(), Reject> {
        match &self.cast {
            Some(cast) => cast.encode_json(json, out).map(|_| ()),
            None => encode(self.kind, self.unit, &Value::Nested(json), out),
        }
    }

    /// Appends the binary form of a value; returns false, and appends nothing, for NULL.
    pub fn encode(&self, unit: Option<Unit>, value: Value, out: &mut Vec<u8>) -> Result<bool, Reject> {
        let value = match &self.transform {
            Some(transform) => match transform.apply(value)? {
                Some(value) => value,
                None => return Ok(false),
            },
            None => value,
        };
        encode(self.kind, unit, &value, out)?;
        Ok(true)
    }
}

impl Transform {
    fn apply<'v>(&self, value: Value<'v>) -> Result<Option<Value<'v>>, Reject> {
        let text: Cow<'v, str> = match &value {
            Value::Text(text) | Value::Number(text) => text.clone(),
            Value::Boolean(flag) => flag.to_string().into(),
            Value::Nested(_) => {
                return Err(Reject::new(
                    sqlstate::INVALID_TEXT,
                    "a nested value where `pattern` or `values` needs text",
                ))
            }
        };
        if self.null.iter().any(|null| *null == text) {
            return Ok(None);
        }
        if self.pattern.is_none() && self.values.is_empty() {
            return Ok(Some(value));
        }
        let mut text = text;
        if let Some((regex, replacement)) = &self.pattern {
            let captures = regex.captures(&text).ok_or_else(|| {
                Reject::new(
                    sqlstate::INVALID_TEXT,
                    format!("text {text:?} does not match the pattern {regex}"),
                )
            })?;
            let mut replaced = String::new();
            captures.expand(replacement, &mut replaced);
            text = replaced.into();
        }
        if !self.values.is_empty() {
            let found = self.values.iter().find(|(from, _)| *from == text).ok_or_else(|| {
                Reject::new(sqlstate::INVALID_TEXT, format!("text {text:?} is not among `values`"))
            })?;
            text = found.1.clone().into();
        }
        Ok(Some(Value::Text(text)))
    }
}

/// The binary form of a constant.
pub fn constant(column: &Column, text: &str) -> Result<Vec<u8>, Reject> {
    let mut bytes = Vec::new();
    encode(column.kind(), column.unit, &Value::Text(text.into()), &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, TableName};

    fn encoded(column: &str, raw: &str) -> Result<Option<String>, String> {
        let text = format!(
            "job='j'\ndatabase='d'\nbrokers='b'\n[[topic]]\nname='t'\ncolumns=[{{ name='a', {column} }}]"
        );
        let topic = Config::parse("t.toml", &text).unwrap().topics.remove(0);
        let definition = Definition::new(
            topic.mappings()[0].layout,
            TableName::for_topic("t"),
            topic.columns.clone().unwrap(),
        );
        let cell = Cell::new(&definition.columns[0], &definition);
        let mut out = Vec::new();
        let present = cell.encode_json(raw, &mut out).map_err(|reject| reject.sqlstate)?;
        Ok(present.then(|| String::from_utf8(out).unwrap()))
    }

    #[test]
    fn texts_are_changed_on_their_way() {
        let symbol = "type='text', pattern='^(.+)[-/](.+)$', replacement='$1.$2'";
        assert_eq!(encoded(symbol, "\"BTC-USD\"").unwrap().unwrap(), "BTC.USD");
        assert_eq!(encoded(symbol, "null").unwrap(), None);
        assert_eq!(encoded(symbol, "\"BTCUSD\"").unwrap_err(), "22P02");
        assert_eq!(encoded("type='text', pattern='_(.+)_'", "\"a_b_c\"").unwrap().unwrap(), "b");
        assert_eq!(encoded("type='text', pattern='^.*$'", "5").unwrap().unwrap(), "5");
        let side = "type='text', values={ true='sell', false='buy' }";
        assert_eq!(encoded(side, "true").unwrap().unwrap(), "sell");
        assert_eq!(encoded(side, "1").unwrap_err(), "22P02");
        assert_eq!(encoded("type='text', null=['-1', '']", "-1").unwrap(), None);
        assert_eq!(encoded("type='text', null=['-1', '']", "12").unwrap().unwrap(), "12");
        assert_eq!(encoded(side, "{}").unwrap_err(), "22P02");
    }
}
