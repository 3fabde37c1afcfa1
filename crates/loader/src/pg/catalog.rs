//! Looks up tables in the catalog, always with the schema's name.

use tally_postgres::{quoted, Failure};
use tally_rows::config::{Column, ColumnType, SqlType, TableLayout, TableName};
use tally_rows::definition::{Definition, Template};
use tokio_postgres::{Error, Transaction};

/// A table as it is in the database.
pub struct FoundTable {
    table: TableName,
    columns: Vec<FoundColumn>,
    /// The columns of each unique index without conditions, in any order.
    keys: Vec<Vec<String>>,
    may_replace: bool,
    /// The column by whose range it is partitioned.
    range_column: Option<String>,
}

/// A column of a table in the database.
pub struct FoundColumn {
    /// Name of the column.
    pub name: String,
    /// Type of the column, as `format_type` writes it.
    pub type_name: String,
    /// Type of the column with its length or precision.
    pub declared: String,
    /// Whether it is NOT NULL without a default.
    pub must_be_given: bool,
    /// Whether it has a default or an identity.
    pub fills_itself: bool,
    not_null: bool,
    /// Whether it can be given a value.
    pub insertable: bool,
}

/// Qualifies a table with the schema in which it is, or in which it would be created.
pub async fn qualify(tx: &Transaction<'_>, table: TableName) -> Result<TableName, Error> {
    if table.schema.is_some() {
        return Ok(table);
    }
    let sql = "SELECT coalesce(
        (SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = pg_catalog.to_regclass($1)),
        pg_catalog.current_schema())::text";
    let schema: Option<String> = tx.query_one(sql, &[&table.to_string()]).await?.get(0);
    Ok(TableName { schema, name: table.name })
}

/// Checks that a table could be created in its schema.
pub async fn check_schema(tx: &Transaction<'_>, table: &TableName) -> Result<(), Failure> {
    let place = format!("table {table}");
    let sql = "SELECT pg_catalog.has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace WHERE nspname = $1";
    let schema = table.schema.as_deref().unwrap_or_default();
    let found = tx.query_opt(sql, &[&schema]).await.map_err(|e| super::failure(&place, &e))?;
    match found.map(|row| row.get::<_, bool>(0)) {
        Some(true) => Ok(()),
        Some(false) => {
            Err(Failure::new(format!("permission denied to create the table in schema {schema:?}"))
                .at(place)
                .mend("GRANT CREATE ON SCHEMA to the loader's role, or create the table"))
        }
        None => Err(Failure::new(format!("schema {schema:?} does not exist"))
            .at(place)
            .mend("run CREATE SCHEMA, or set `table` of the topic to another one")),
    }
}

impl FoundColumn {
    /// Whether the column has a type that was asked for; without a length or precision, any is accepted.
    pub fn is(&self, wanted: &SqlType) -> bool {
        match wanted.is_plain() {
            true => ColumnType::from_catalog(&self.type_name).unwrap_or(ColumnType::Text) == wanted.kind,
            false => self.declared.parse().as_ref() == Ok(wanted),
        }
    }

    /// Returns the column as one that is filled from a field.
    pub fn filled(&self, required: bool) -> Column {
        let kind = ColumnType::from_catalog(&self.type_name).unwrap_or(ColumnType::Text);
        Column { required, cast: self.cast(), ..Column::plain(self.name.clone(), kind, None) }
    }

    /// Returns the type that the server has to convert text to, if the loader does not write it.
    fn cast(&self) -> Option<String> {
        match self.type_name.as_str() {
            // Without a length these have length 1, and truncate longer values.
            "bit" => Some("bit varying".into()),
            "bit[]" => Some("bit varying[]".into()),
            "character[]" => Some("bpchar[]".into()),
            name => ColumnType::from_catalog(name).is_none().then(|| name.to_string()),
        }
    }
}

impl FoundTable {
    /// Looks up the table.
    pub async fn look_up(tx: &Transaction<'_>, table: &TableName) -> Result<Option<Self>, Failure> {
        let place = format!("table {table}");
        let sql = "SELECT c.oid, c.relkind IN ('r', 'p')
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relname = $2";
        let schema = table.schema.as_deref().unwrap_or_default();
        let row = tx.query_opt(sql, &[&schema, &table.name]).await.map_err(|e| super::failure(&place, &e))?;
        let Some(row) = row else { return Ok(None) };
        if !row.get::<_, bool>(1) {
            return Err(Failure::new("not a table")
                .at(place)
                .mend("set `table` of the topic to the name of a table"));
        }
        // An identity column fills itself; a generated one may not be given.
        let sql = "SELECT attname::text, pg_catalog.format_type(atttypid, NULL),
                    attnotnull AND NOT atthasdef AND attidentity = '',
                    pg_catalog.has_column_privilege(attrelid, attnum, 'INSERT'),
                    atthasdef OR attidentity <> '', attnotnull, pg_catalog.format_type(atttypid, atttypmod)
             FROM pg_catalog.pg_attribute
             WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
             ORDER BY attnum";
        let oid: u32 = row.get(0);
        let rows = tx.query(sql, &[&oid]).await.map_err(|e| super::failure(&place, &e))?;
        let columns = rows.iter().map(|row| FoundColumn {
            name: row.get(0),
            type_name: row.get(1),
            must_be_given: row.get(2),
            insertable: row.get(3),
            fills_itself: row.get(4),
            not_null: row.get(5),
            declared: row.get(6),
        });
        let sql = "SELECT ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                                WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
                                ORDER BY 1)
             FROM pg_catalog.pg_index i
             WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate
               AND i.indpred IS NULL AND i.indexprs IS NULL";
        let keys = tx.query(sql, &[&oid]).await.map_err(|e| super::failure(&place, &e))?;
        let sql = "SELECT pg_catalog.has_table_privilege($1::oid, 'SELECT')
                      AND pg_catalog.has_any_column_privilege($1::oid, 'UPDATE')
                      AND pg_catalog.has_table_privilege($1::oid, 'DELETE')";
        let may = tx.query_one(sql, &[&oid]).await.map_err(|e| super::failure(&place, &e))?;
        let sql = "SELECT a.attname::text
             FROM pg_catalog.pg_partitioned_table p
             JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
             WHERE p.partrelid = $1 AND p.partstrat = 'r' AND p.partnatts = 1";
        let range = tx.query_opt(sql, &[&oid]).await.map_err(|e| super::failure(&place, &e))?;
        Ok(Some(Self {
            range_column: range.map(|row| row.get(0)),
            table: table.clone(),
            columns: columns.collect(),
            keys: keys.iter().map(|row| row.get(0)).collect(),
            may_replace: may.get(0),
        }))
    }

    /// Returns a definition that fills the table's columns from fields of the same names.
    pub fn template(&self, layout: TableLayout) -> Template {
        let is_overflow = |name: &str| layout.overflow() == Some(name);
        // Columns that fill themselves are optional.
        let is_ours = |found: &&FoundColumn| found.insertable || !found.fills_itself;
        let ours = self.columns.iter().filter(|found| !is_overflow(&found.name)).filter(is_ours);
        let optional =
            ours.clone().filter(|found| found.fills_itself).map(|found| found.name.clone()).collect();
        let columns = ours.map(|found| found.filled(found.not_null)).collect();
        Template { definition: Definition::new(layout, self.table.clone(), columns), optional }
    }

    /// Takes over the current types of columns, which may have been altered since they were inferred.
    pub fn follow(&self, definition: &mut Definition) {
        for column in &mut definition.columns {
            let Some(found) = self.columns.iter().find(|found| found.name == column.name) else { continue };
            if !found.is(&column.declared) {
                let kind = ColumnType::from_catalog(&found.type_name).unwrap_or(ColumnType::Text);
                column.declared = kind.into();
                column.unit = column.unit.filter(|_| kind.is_time());
            }
        }
    }

    /// Has the server convert text for columns whose types the loader does not write.
    pub fn adapt(&self, definition: &mut Definition) {
        for column in definition.columns.iter_mut().filter(|column| column.kind() == ColumnType::Text) {
            let found = self.columns.iter().find(|found| found.name == column.name);
            column.cast = found.and_then(FoundColumn::cast);
        }
    }

    /// Returns the columns that can be inserted into, in their order.
    pub fn columns(&self) -> &[FoundColumn] {
        &self.columns
    }

    /// Whether rows of this definition can go into the table.
    pub fn check(&self, definition: &Definition) -> Result<(), Failure> {
        for column in &definition.columns {
            self.check_column(&column.name, &column.declared)?;
        }
        if let Some(overflow) = &definition.overflow {
            self.check_column(overflow, &ColumnType::Jsonb.into())?;
        }
        self.check_key(definition)?;
        self.check_partitions(definition)?;
        let is_given = |name: &String| definition.columns.iter().any(|column| column.name == *name);
        match self.columns.iter().find(|found| found.must_be_given && !is_given(&found.name)) {
            Some(found) => {
                let what =
                    format!("column {:?} is NOT NULL without a default, and nothing fills it", found.name);
                Err(self.failure(&what).mend("list it in `columns` of the topic, or add a default"))
            }
            None => Ok(()),
        }
    }

    fn check_key(&self, definition: &Definition) -> Result<(), Failure> {
        let mut key = definition.key.clone();
        key.sort();
        if key.is_empty() {
            return Ok(());
        }
        if !self.keys.contains(&key) {
            let what = format!("no unique index on ({}), the `key`", definition.key_list());
            return Err(self.failure(&what).mend(format!(
                "ALTER TABLE {} ADD PRIMARY KEY ({})",
                self.table,
                definition.key_list()
            )));
        }
        if !self.may_replace {
            return Err(self.failure("permission denied to replace rows").mend(format!(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO the loader's role",
                self.table
            )));
        }
        Ok(())
    }

    fn check_partitions(&self, definition: &Definition) -> Result<(), Failure> {
        let Some(by) = &definition.partition_by else { return Ok(()) };
        let is_filled =
            definition.columns.iter().any(|column| column.name == by.column && column.kind().is_time());
        if self.range_column.as_ref() == Some(&by.column) && is_filled {
            return Ok(());
        }
        let what =
            format!("table is not partitioned by range of {:?}, a column of times that is filled", by.column);
        Err(self.failure(&what).mend(format!(
            "create it with PARTITION BY RANGE ({}), or do not ask for partitions",
            quoted(&by.column)
        )))
    }

    fn check_column(&self, name: &str, wanted: &SqlType) -> Result<(), Failure> {
        let Some(found) = self.columns.iter().find(|found| found.name == name) else {
            let mend = format!(
                "ALTER TABLE {} ADD COLUMN {} {wanted}{}",
                self.table,
                quoted(name),
                if wanted.kind == ColumnType::Jsonb {
                    ", or set `unknown_fields` or `overflow_column` of the topic"
                } else {
                    ""
                }
            );
            return Err(self.failure(&format!("table has no column {name:?}")).mend(mend));
        };
        if !found.is(wanted) {
            let what = format!("column {name:?} is {}, but {wanted} is configured", found.declared);
            return Err(self.failure(&what).mend("change `type` of the column, or the table"));
        }
        if !found.insertable {
            let what = format!("permission denied to insert into column {name:?}");
            return Err(self
                .failure(&what)
                .mend(format!("GRANT INSERT ON {} TO the loader's role", self.table)));
        }
        Ok(())
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::new(what).at(format!("table {}", self.table))
    }
}
