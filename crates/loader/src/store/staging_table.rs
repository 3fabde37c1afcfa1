//! A temporary table for rows that the server has to process first: rows with a key, of which only the last one counts,
//! and rows with text that only the server can cast.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use tally_postgres::quoted;
use tally_rows::config::ColumnType;
use tally_rows::definition::Definition;

/// The statements for the staging table of a definition.
pub struct StagingTable<'d> {
    definition: &'d Definition,
    /// The name in the server's messages.
    pub table: String,
    name: String,
}

impl<'d> StagingTable<'d> {
    /// The names of columns that only the staging table has, and that no other table is expected to have.
    const NUMBER: &'static str = "\"$number\"";
    const IS_GONE: &'static str = "\"$is_gone\"";

    /// The staging table of a definition; a definition with other columns has another one.
    pub fn new(definition: &'d Definition) -> Self {
        let mut hasher = DefaultHasher::new();
        (definition.create_table(), definition.is_keyed()).hash(&mut hasher);
        let table = format!("tally {:016x}", hasher.finish());
        Self { definition, name: format!("pg_temp.{}", quoted(&table)), table }
    }

    /// The statement that creates the staging table.
    pub fn create(&self) -> String {
        let columns = self
            .definition
            .columns
            .iter()
            .map(|column| format!("{} {}", quoted(&column.name), column.kind()));
        let overflow =
            self.definition.overflow.iter().map(|name| format!("{} {}", quoted(name), ColumnType::Jsonb));
        let own = [format!("{} integer", Self::NUMBER), format!("{} boolean", Self::IS_GONE)];
        let own = own.into_iter().filter(|_| self.definition.is_keyed());
        let columns: Vec<String> = columns.chain(overflow).chain(own).collect();
        format!(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS",
            self.name,
            columns.join(", ")
        )
    }

    /// The statement that copies rows into the staging table.
    pub fn copy(&self) -> String {
        let own = match self.definition.is_keyed() {
            true => format!(", {}, {}", Self::NUMBER, Self::IS_GONE),
            false => String::new(),
        };
        format!("COPY {} ({}{own}) FROM STDIN (FORMAT binary)", self.name, self.columns())
    }

    /// The statement that empties the staging table for more rows in the same transaction.
    pub fn clear(&self) -> String {
        format!("DELETE FROM {}", self.name)
    }

    /// The query for the last row of each key.
    fn last(&self) -> String {
        let key = self.definition.key_list();
        format!("SELECT DISTINCT ON ({key}) * FROM {} ORDER BY {key}, {} DESC", self.name, Self::NUMBER)
    }

    /// The statement that deletes rows whose last message has no value; none if there is no key.
    pub fn delete(&self) -> Option<String> {
        let same = |name: &String| format!("t.{0} = s.{0}", quoted(name));
        let same: Vec<String> = self.definition.key.iter().map(same).collect();
        let delete = || {
            format!(
                "DELETE FROM {} t USING ({}) s WHERE s.{} AND {}",
                self.definition.table,
                self.last(),
                Self::IS_GONE,
                same.join(" AND ")
            )
        };
        self.definition.is_keyed().then(delete)
    }

    /// The statement that brings the rows into their table.
    pub fn insert(&self) -> String {
        let values = self.values("s.");
        let into = self.into();
        if !self.definition.is_keyed() {
            return format!("{into} SELECT {values} FROM {} s", self.name);
        }
        let is_key = |name: &&str| self.definition.key.iter().any(|key| key == name);
        let others = self.definition.names().into_iter().filter(|name| !is_key(name));
        let set: Vec<String> = others.map(|name| format!("{0} = EXCLUDED.{0}", quoted(name))).collect();
        let action = if set.is_empty() { "NOTHING".into() } else { format!("UPDATE SET {}", set.join(", ")) };
        format!(
            "{into} SELECT {values} FROM ({}) s WHERE NOT {} ON CONFLICT ({}) DO {action}",
            self.last(),
            Self::IS_GONE,
            self.definition.key_list(),
        )
    }

    /// The statement that brings the rows into their table one by one, and notes each that the server refuses in the
    /// table `refused`: its number from 0, the SQLSTATE, the column, and the message.
    pub fn insert_one_by_one(&self, refused: &str) -> String {
        let block = format!(
            "DECLARE
                 s record; n integer := 0; state text; col text; message text; detail text;
             BEGIN
                 FOR s IN SELECT * FROM {stage} LOOP
                     BEGIN
                         {into} VALUES ({values});
                     EXCEPTION WHEN OTHERS THEN
                         GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, col = COLUMN_NAME,
                             message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
                         IF left(state, 2) NOT IN ('22', '23', '44', '54', 'P0') THEN RAISE; END IF;
                         INSERT INTO {refused} VALUES (n, state, nullif(col, ''),
                             message || coalesce(' (' || nullif(detail, '') || ')', '') || ' [' || state || ']');
                     END;
                     n := n + 1;
                 END LOOP;
             END",
            stage = self.name,
            into = self.into(),
            values = self.values("s."),
        );
        format!("DO '{}'", block.replace('\'', "''"))
    }

    /// The beginning of an INSERT that fills identity columns with the values given, as COPY does.
    fn into(&self) -> String {
        format!("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE", self.definition.table, self.columns())
    }

    fn columns(&self) -> String {
        self.definition.names().into_iter().map(quoted).collect::<Vec<_>>().join(", ")
    }

    /// The values of a row, with casts of those that are sent as text.
    fn values(&self, row: &str) -> String {
        let columns = self.definition.columns.iter().map(|column| {
            let cast = column.cast().map(|cast| format!("::{cast}")).unwrap_or_default();
            format!("{row}{}{cast}", quoted(&column.name))
        });
        let overflow = self.definition.overflow.iter().map(|name| format!("{row}{}", quoted(name)));
        columns.chain(overflow).collect::<Vec<_>>().join(", ")
    }
}
