//! Names of tables and columns, and their quoting in SQL.

use std::fmt;

use serde::{Deserialize, Serialize};
use tally_postgres::quoted;

/// Longest identifier; PostgreSQL truncates longer ones silently.
pub const MAX_NAME_BYTES: usize = 63;

/// A table name, perhaps with a schema; `Display` writes the quoted form for SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    /// The schema, if it was given.
    pub schema: Option<String>,
    /// The table's own name.
    pub name: String,
}

impl TableName {
    /// Returns the default table of a topic: lower case, with `_` for characters that would need quotes.
    pub fn for_topic(topic: &str) -> Self {
        Self { schema: None, name: plain_name(topic) }
    }
}

impl TryFrom<String> for TableName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema.to_string()), name.to_string()),
            None => (None, text.clone()),
        };
        for part in schema.iter().chain([&name]) {
            if part.is_empty() || part.contains(['.', '\0']) || part.len() > MAX_NAME_BYTES {
                return Err(format!(
                    "{text:?} is not a table name: write \"name\" or \"schema.name\", 63 bytes each"
                ));
            }
        }
        Ok(Self { schema, name })
    }
}

impl From<TableName> for String {
    fn from(table: TableName) -> Self {
        match table.schema {
            Some(schema) => format!("{schema}.{}", table.name),
            None => table.name,
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quoted(schema))?;
        }
        f.write_str(&quoted(&self.name))
    }
}

/// Converts a name to one that SQL takes without quotes: `blockTimestamp` becomes `block_timestamp`, `md.trades-v2`
/// `md_trades_v2`.
pub fn plain_name(text: &str) -> String {
    let mut name = String::new();
    let mut after_lower = false;
    for c in text.chars() {
        if c.is_uppercase() && after_lower {
            name.push('_');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        match c.is_alphabetic() || c.is_ascii_digit() {
            true => name.extend(c.to_lowercase()),
            false => name.push('_'),
        }
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_sql() {
        assert_eq!(plain_name("blockTimestamp"), "block_timestamp");
        assert_eq!(plain_name("Md.Trades-v2"), "md_trades_v2");
        assert_eq!(plain_name("1m"), "_1m");
        assert_eq!(plain_name("é"), "é");
        assert_eq!(plain_name("ÜberPreis €"), "über_preis__");
        assert_eq!(plain_name(&"日本".repeat(20)).len(), 63);
        let table = TableName::try_from(String::from("My.T\"x")).unwrap();
        assert_eq!(table.to_string(), "\"My\".\"T\"\"x\"");
        assert!(TableName::try_from(String::from("a.b.c")).is_err());
    }
}
