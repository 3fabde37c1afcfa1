//! Types as in `CREATE TABLE`: with a length or a precision, and arrays.

use std::fmt;
use std::str::FromStr;

use serde::de::value::{Error as NameError, StrDeserializer};
use serde::de::{Error as _, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::column_type::ColumnType;

/// The type of a column in a table, and the type in which the loader writes its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlType {
    /// The type of the values' binary form; `text` for arrays, which the server converts.
    pub kind: ColumnType,
    /// The type in SQL, where it says more.
    more: Option<String>,
    is_array: bool,
}

impl SqlType {
    /// Whether the type in SQL is just the one in which values are written.
    pub fn is_plain(&self) -> bool {
        self.more.is_none()
    }

    /// Returns the type that the server converts text to, for an array. It has no lengths: a cast with lengths would
    /// silently truncate values that an INSERT refuses.
    pub fn cast(&self) -> Option<String> {
        let name = self.more.as_deref().filter(|_| self.is_array)?;
        let element = name.trim_end_matches("[]");
        let element = element.split_once('(').map_or(element, |(element, _)| element);
        Some(format!("{}[]", if element == "char" { "bpchar" } else { element }))
    }
}

impl From<ColumnType> for SqlType {
    fn from(kind: ColumnType) -> Self {
        Self { kind, more: None, is_array: false }
    }
}

impl FromStr for SqlType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut name = text.trim().to_ascii_lowercase();
        let mut is_array = false;
        while let Some((element, _)) = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
            (name, is_array) = (element.trim_end().to_string(), true);
        }
        let (name, modifier) = match name.split_once('(') {
            // As in `timestamp(3) with time zone`.
            Some((before, rest)) => {
                let (modifier, after) = rest.split_once(')').ok_or_else(|| format!("{text:?} lacks a )"))?;
                (format!("{before} {after}"), Some(modifier.replace(' ', "")))
            }
            None => (name, None),
        };
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let (kind, canonical) = match name.as_str() {
            "bpchar" if modifier.is_none() => (ColumnType::Text, Some("bpchar")),
            "char" | "character" | "bpchar" => (ColumnType::Text, Some("char")),
            "varchar" | "character varying" if modifier.is_some() => (ColumnType::Text, Some("varchar")),
            name => (kind_of(name)?, None),
        };
        let element = canonical.map_or_else(|| kind.to_string(), str::to_string);
        let most_numbers = match (kind, canonical) {
            (ColumnType::Numeric, _) => 2,
            (ColumnType::Timestamptz | ColumnType::Timestamp | ColumnType::Time, _) => 1,
            (ColumnType::Text, Some(_)) => 1,
            _ => 0,
        };
        let modifier = modifier.or_else(|| (canonical == Some("char")).then(|| "1".into()));
        let element = match modifier {
            Some(modifier) => {
                let numbers: Vec<&str> = modifier.split(',').collect();
                if numbers.len() > most_numbers || numbers.iter().any(|n| n.parse::<i32>().is_err()) {
                    return Err(format!("type {element} takes no modifier ({modifier})"));
                }
                let scale = if numbers.len() < most_numbers { ",0" } else { "" };
                format!("{element}({modifier}{scale})")
            }
            None => element,
        };
        Ok(match is_array {
            true => Self { kind: ColumnType::Text, more: Some(format!("{element}[]")), is_array },
            false => Self { kind, more: (element != kind.to_string()).then_some(element), is_array },
        })
    }
}

/// Returns a type of the loader by any of its names; the error lists them.
fn kind_of(name: &str) -> Result<ColumnType, String> {
    let name: StrDeserializer<NameError> = name.into_deserializer();
    ColumnType::deserialize(name).map_err(|error| error.to_string())
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.more {
            Some(name) => f.write_str(name),
            None => self.kind.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for SqlType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for SqlType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_as_sql_has_them() {
        for (text, kind, shown, cast) in [
            ("numeric", "numeric", "numeric", None),
            ("NUMERIC( 10 , 2 )", "numeric", "numeric(10,2)", None),
            ("decimal(10)", "numeric", "numeric(10,0)", None),
            ("numeric(3,-2)", "numeric", "numeric(3,-2)", None),
            ("varchar", "text", "text", None),
            ("character varying(10)", "text", "varchar(10)", None),
            ("character(3)", "text", "char(3)", None),
            ("char", "text", "char(1)", None),
            ("bpchar", "text", "bpchar", None),
            ("timestamp(3)", "timestamp", "timestamp(3)", None),
            ("timestamp (3) with time zone", "timestamptz", "timestamptz(3)", None),
            ("time(0)", "time", "time(0)", None),
            ("int8", "bigint", "bigint", None),
            ("text[]", "text", "text[]", Some("text[]")),
            ("double  precision[3][2]", "text", "double precision[]", Some("double precision[]")),
            ("numeric(10,2) []", "text", "numeric(10,2)[]", Some("numeric[]")),
            ("char(3)[]", "text", "char(3)[]", Some("bpchar[]")),
        ] {
            let parsed: SqlType = text.parse().unwrap();
            let seen = (parsed.kind.to_string(), parsed.to_string(), parsed.cast());
            assert_eq!(seen, (kind.into(), shown.into(), cast.map(str::to_string)), "{text}");
            assert_eq!(shown.parse(), Ok(parsed), "{shown}");
        }
        for text in ["integer(3)", "text(10)", "numeric(1,2,3)", "numeric(x)", "numeric()", "timestamp(3,4)"]
        {
            assert!(text.parse::<SqlType>().unwrap_err().contains("takes no modifier ("), "{text}");
        }
        assert!("numeric(3".parse::<SqlType>().unwrap_err().contains("lacks a )"));
        assert!("money".parse::<SqlType>().unwrap_err().starts_with("unknown variant `money`"));
    }
}
