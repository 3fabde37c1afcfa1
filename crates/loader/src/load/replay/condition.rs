//! Conditions that select dead letters for replay.

use std::str::FromStr;

/// The columns that conditions may be on, by their names on the command line.
const COLUMNS: [(&str, &str); 5] = [
    ("sqlstate", "sqlstate"),
    ("stage", "stage"),
    ("column", "column_name"),
    ("partition", "partition::text"),
    ("schema", "schema_id::text"),
];

/// A condition on one column, such as `sqlstate=22003`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterCondition {
    column: &'static str,
    value: String,
}

impl LetterCondition {
    /// The condition in SQL, over the parameter of this number, with the value for that.
    pub fn sql(&self, parameter: usize) -> (String, &String) {
        (format!("{} = ${parameter}", self.column), &self.value)
    }
}

impl FromStr for LetterCondition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = COLUMNS.map(|(name, _)| name).join(", ");
        let (name, value) =
            text.split_once('=').ok_or_else(|| format!("expected NAME=VALUE, a name of {names}"))?;
        let column = COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, column)| *column);
        let column = column.ok_or_else(|| format!("no {name:?} among {names}"))?;
        Ok(Self { column, value: value.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_sql() {
        let condition: LetterCondition = "column=price".parse().unwrap();
        assert_eq!(condition.sql(3), ("column_name = $3".into(), &"price".to_string()));
        assert!("colour=red".parse::<LetterCondition>().unwrap_err().contains("sqlstate, stage"));
        assert!("22003".parse::<LetterCondition>().is_err());
    }
}
