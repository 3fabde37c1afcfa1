//! Columns that are too narrow for numbers in the files, such as `bigint` for decimals.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tally_files::dead_letter::FileDeadLetter;
use tally_postgres::{quoted, Failure};
use tally_rows::config::{ColumnType, TableName};

/// Columns that are too narrow for their numbers, and the types they would need, by name.
#[derive(Default)]
pub struct Narrow(Mutex<BTreeMap<String, NarrowColumn>>);

struct NarrowColumn {
    values: u64,
    first: String,
    wider: ColumnType,
}

impl Narrow {
    /// Looks for such numbers among the dead letters of a batch.
    pub fn note(&self, file: &str, letters: &[FileDeadLetter]) {
        for letter in letters {
            let (Some(column), Some(wider)) = (&letter.reject.column, letter.reject.wider) else { continue };
            let mut columns = self.0.lock().expect("no thread panics with it");
            let first = || format!("{file} line {}: {}", letter.line, letter.reject.message);
            let known = columns.entry(column.clone()).or_insert_with(|| NarrowColumn {
                values: 0,
                first: first(),
                wider,
            });
            known.values += 1;
            if wider == ColumnType::Numeric {
                known.wider = wider;
            }
        }
    }

    /// Returns the statement that widens the columns, if any need it.
    pub fn statement(&self, table: &TableName) -> Option<String> {
        let columns = self.0.lock().expect("no thread panics with it");
        let alter = |(name, column): (&String, &NarrowColumn)| {
            format!("ALTER COLUMN {} TYPE {}", quoted(name), column.wider)
        };
        let all: Vec<String> = columns.iter().map(alter).collect();
        (!all.is_empty()).then(|| format!("ALTER TABLE {table} {}", all.join(", ")))
    }

    /// Returns an error if such numbers were left as dead letters.
    pub fn verdict(&self, table: &TableName) -> Result<(), Failure> {
        let Some(statement) = self.statement(table) else { return Ok(()) };
        let columns = self.0.lock().expect("no thread panics with it");
        let Some((name, NarrowColumn { values, first, .. })) = columns.first_key_value() else {
            return Ok(());
        };
        let what = format!("column {name:?} cannot hold {values} of the numbers; the first is in {first}");
        Err(Failure::new(what)
            .at(format!("table {table}"))
            .mend(format!("{statement}, then run the command with --replay")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tally_rows::decode::Reject;
    use tally_rows::refusal::Stage;

    #[test]
    fn one_statement_makes_room_for_all() {
        let table = TableName::try_from("s.t".to_string()).unwrap();
        let letter = |line, column: &str, wider| {
            let reject = Reject::new("22P02", "no").in_column(column);
            FileDeadLetter { line, raw: None, stage: Stage::Decode, reject: Reject { wider, ..reject } }
        };
        let narrow = Narrow::default();
        narrow.note("f", &[letter(1, "a", None)]);
        assert!(narrow.verdict(&table).is_ok());
        let (bigint, numeric) = (Some(ColumnType::Bigint), Some(ColumnType::Numeric));
        narrow.note("f", &[letter(2, "b", numeric), letter(3, "A", bigint)]);
        narrow.note("g", &[letter(4, "A", numeric), letter(5, "A", bigint)]);
        assert_eq!(
            narrow.verdict(&table).unwrap_err().to_string(),
            "table \"s\".\"t\": column \"A\" cannot hold 3 of the numbers; the first is in f line 3: no; \
             ALTER TABLE \"s\".\"t\" ALTER COLUMN \"A\" TYPE numeric, ALTER COLUMN \"b\" TYPE numeric, then run the command with --replay"
        );
    }
}
