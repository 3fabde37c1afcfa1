//! The table that is archived, as the catalog describes it.

use serde_json::Value;
use tally_postgres::{quoted, Failure};
use tokio_postgres::types::{Kind, Type};
use tokio_postgres::Client;

use crate::form::Form;
use crate::server::of_server;
use crate::slot::{literal, Granularity, Slot};

/// A table whose rows are archived.
#[derive(Debug)]
pub struct SourceTable {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub columns: Vec<SourceColumn>,
    /// Place among the columns of the one that says when a row was.
    at: usize,
    /// Places of the columns by which objects are sorted before time.
    series: Vec<usize>,
    /// The schema of the extension, if the database has it.
    pub extension: Option<String>,
    /// The power trees of the table, as manifests describe them.
    pub trees: Value,
}

/// A column that is archived: any but those that PostgreSQL computes itself.
#[derive(Debug)]
pub struct SourceColumn {
    pub name: String,
    pub number: i16,
    pub kind: Type,
    pub form: Form,
}

impl SourceColumn {
    /// Returns the type by which a tally takes the column; none if it is not a number.
    fn tallied_as(&self) -> Option<&'static str> {
        match self.kind {
            Type::INT2 | Type::INT4 | Type::INT8 => Some("int8"),
            Type::FLOAT4 | Type::FLOAT8 => Some("float8"),
            Type::NUMERIC => Some("numeric"),
            _ => None,
        }
    }
}

impl SourceTable {
    /// Finds a table; `at` names its column of time, and `series` those by which objects are sorted before it.
    pub async fn find(
        client: &Client,
        table: &str,
        at: Option<&str>,
        series: &[String],
    ) -> Result<Self, Failure> {
        let place_name = format!("table {table}");
        let fail = |e: tokio_postgres::Error| of_server(&e).at(&place_name);
        let sql = "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text
                   FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                   WHERE c.oid = pg_catalog.to_regclass($1)";
        let found = client.query_opt(sql, &[&table]).await.map_err(fail)?;
        let Some(found) = found else { return Err(Failure::usage("no such table").at(&place_name)) };
        let (oid, schema, name, kind): (u32, String, String, String) =
            (found.get(0), found.get(1), found.get(2), found.get(3));
        if !matches!(kind.as_str(), "r" | "p") {
            return Err(Failure::usage("only tables can be archived").at(&place_name));
        }
        let sql = "SELECT attnum, attname::text FROM pg_catalog.pg_attribute
                   WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";
        let attributes = client.query(sql, &[&oid]).await.map_err(fail)?;
        let names: Vec<String> = attributes.iter().map(|row| row.get(1)).collect();
        let list = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {list} FROM {}.{}", quoted(&schema), quoted(&name));
        let prepared = client.prepare(&sql).await.map_err(fail)?;
        let columns: Vec<SourceColumn> = prepared
            .columns()
            .iter()
            .zip(&attributes)
            .map(|(column, attribute)| SourceColumn {
                name: attribute.get(1),
                number: attribute.get(0),
                kind: column.type_().clone(),
                form: Form::of(column.type_(), column.type_modifier(), is_text(column.type_())),
            })
            .collect();
        let at = time_column(&columns, at).map_err(|failure| failure.at(&place_name))?;
        let place_of = |wanted: &String| {
            let unknown = || Failure::usage(format!("no column {wanted:?}")).at(&place_name);
            columns.iter().position(|column| column.name == *wanted).ok_or_else(unknown)
        };
        let series = series.iter().map(place_of).collect::<Result<Vec<_>, _>>()?;
        if let Some(place) = series.iter().find(|place| !columns[**place].form.is_sortable()) {
            return Err(Failure::usage(format!(
                "objects cannot be sorted by column {:?}",
                columns[*place].name
            ))
            .at(&place_name)
            .mend("name columns of texts, numbers or times for --series"));
        }
        let sql = "SELECT n.nspname::text FROM pg_catalog.pg_extension AS e
                   JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_tally'";
        let extension = client.query_opt(sql, &[]).await.map_err(fail)?.map(|row| row.get(0));
        Ok(Self { oid, schema, name, columns, at, series, extension, trees: Value::Null })
    }

    /// The name of the table, with its schema, in SQL.
    pub fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// The column of time in SQL.
    pub fn at(&self) -> String {
        quoted(&self.columns[self.at].name)
    }

    /// Returns the place of the column of time.
    pub fn at_place(&self) -> usize {
        self.at
    }

    /// Whether the column of time has a zone.
    pub fn has_zone(&self) -> bool {
        self.columns[self.at].kind == Type::TIMESTAMPTZ
    }

    /// Returns the places of the columns by which objects are sorted.
    pub fn sorting(&self) -> Vec<usize> {
        let series = self.series.iter().copied().filter(|place| *place != self.at);
        series.chain([self.at]).collect()
    }

    /// The columns as a list in SQL.
    pub fn list(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// The condition on rows of a stretch of time in SQL.
    pub fn within(&self, slot: Slot) -> Result<String, Failure> {
        let (at, zone) = (self.at(), self.has_zone());
        Ok(format!("{at} >= {} AND {at} < {}", literal(slot.from, zone)?, literal(slot.to, zone)?))
    }

    /// The rows of a stretch of time, in any order, as a query.
    pub fn rows_of(&self, slot: Slot) -> Result<String, Failure> {
        Ok(format!("SELECT {} FROM {} WHERE {}", self.list(), self.sql(), self.within(slot)?))
    }

    /// The query for aggregates of each slot of a stretch of time, after its start in seconds since 1970 and its number of rows; `values` are
    /// expressions that aggregates see as columns `value_1` and so on.
    fn by_slot(
        &self,
        stretch: Slot,
        granularity: Granularity,
        values: &[String],
        aggregates: &[String],
    ) -> Result<String, Failure> {
        let (at, table, within) = (self.at(), self.sql(), self.within(stretch)?);
        let (seconds, origin) = (granularity.seconds(), literal(0, self.has_zone())?);
        let values: String =
            values.iter().enumerate().map(|(at, value)| format!(", {value} AS value_{}", at + 1)).collect();
        let aggregates: String = aggregates.iter().map(|aggregate| format!(", {aggregate}")).collect();
        // The start is converted once a slot, not once a row. Without OFFSET the planner would expect as many slots as there are times, and
        // neither hash them nor share the work with others.
        Ok(format!(
            "SELECT pg_catalog.date_part('epoch', slot_start)::pg_catalog.int8, slots.*
             FROM (SELECT slot_start, pg_catalog.count(*){aggregates}
                   FROM (SELECT pg_catalog.date_bin('{seconds} s', {at}, {origin}) AS slot_start{values}
                         FROM {table} WHERE {within} OFFSET pg_catalog.int8 '0') AS binned GROUP BY slot_start) AS slots"
        ))
    }

    /// The query for the numbers of rows of the slots of a stretch of time: the start of each, the same as a time, and its number.
    pub fn counts_of(&self, stretch: Slot, granularity: Granularity) -> Result<String, Failure> {
        self.by_slot(stretch, granularity, &[], &[])
    }

    /// The expression for the tally of a column in SQL; none if it is not tallied.
    pub fn tally_of(&self, name: &str) -> Option<String> {
        let column = self.columns.iter().find(|column| column.name == name)?;
        self.tally(&quoted(name), column.tallied_as()?)
    }

    fn tally(&self, value: &str, kind: &str) -> Option<String> {
        let schema = quoted(self.extension.as_ref()?);
        Some(format!("{schema}.tally({value}::pg_catalog.{kind})::pg_catalog.text"))
    }

    /// The names of the columns that are tallied, none without the extension; and the query for the tallies of the slots of a stretch of
    /// time, after what [`Self::counts_of`] returns.
    pub fn tallies_of(
        &self,
        stretch: Slot,
        granularity: Granularity,
    ) -> Result<(Vec<String>, String), Failure> {
        let tallied = self.columns.iter().filter_map(|column| Some((column, column.tallied_as()?)));
        let tallied: Vec<_> = tallied.filter(|_| self.extension.is_some()).collect();
        let values: Vec<_> = tallied.iter().map(|(column, _)| quoted(&column.name)).collect();
        let tally = |(at, (_, kind)): (usize, &(_, &str))| self.tally(&format!("value_{}", at + 1), kind);
        let tallies: Vec<_> = tallied.iter().enumerate().filter_map(tally).collect();
        let names = tallied.into_iter().map(|(column, _)| column.name.clone()).collect();
        Ok((names, self.by_slot(stretch, granularity, &values, &tallies)?))
    }
}

fn is_text(kind: &Type) -> bool {
    matches!(*kind, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME)
        || matches!(kind.kind(), Kind::Enum(_))
        || kind.name() == "citext"
}

fn time_column(columns: &[SourceColumn], wanted: Option<&str>) -> Result<usize, Failure> {
    let is_time = |column: &SourceColumn| matches!(column.form, Form::Timestamp { .. });
    if let Some(wanted) = wanted {
        return match columns.iter().position(|column| column.name == wanted) {
            Some(place) if is_time(&columns[place]) => Ok(place),
            Some(_) => Err(Failure::usage(format!("column {wanted:?} is no timestamp"))
                .mend("name a column of type timestamptz or timestamp")),
            None => Err(Failure::usage(format!("no column {wanted:?}"))),
        };
    }
    let places: Vec<usize> = (0..columns.len()).filter(|place| is_time(&columns[*place])).collect();
    match places[..] {
        [place] => Ok(place),
        [] => Err(Failure::usage("table has no column of type timestamptz or timestamp")),
        _ => Err(Failure::usage("table has several columns of time").mend("choose one with --at")),
    }
}
