//! The part of a topic's events that a user may see: rows of tables, and columns, that PostgreSQL lets them read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::http::StatusCode;
use tally_rows::definition::Definition;

use super::event::EventTable;
use super::source::TopicTables;
use crate::database::{Mode, Pool, Transaction};
use crate::problem::Problem;

/// For each of these tables: whether policies choose its rows for the user, and the columns that the user may read.
const READABLE: &str = "
    SELECT t.place, pg_catalog.row_security_active(c.oid),
           ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
                   AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'))
    FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]))
         WITH ORDINALITY AS t (schema, name, place)
    JOIN pg_catalog.pg_namespace n ON n.nspname::pg_catalog.text OPERATOR(pg_catalog.=) t.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
        AND c.relname::pg_catalog.text OPERATOR(pg_catalog.=) t.name
    WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')";

/// The part of a topic that a user may see.
#[derive(Debug, Default)]
pub struct Sight {
    /// The readable columns of each table, by schema and name.
    tables: HashMap<(String, String), HashSet<String>>,
    /// Whether that is all of the topic's tables.
    pub is_whole: bool,
}

/// The columns that a user may see of the rows of one table.
pub enum Columns {
    /// All of them.
    All,
    /// Some, at these places.
    Some(Vec<usize>),
    /// No column.
    None,
}

impl Sight {
    /// Asks the database as the user; refuses if there is nothing to see.
    pub async fn ask(pool: &Arc<Pool>, topic: &TopicTables) -> Result<Self, Problem> {
        let schemas: Vec<_> = topic.tables.iter().map(|table| table.table.schema.as_deref()).collect();
        let names: Vec<_> = topic.tables.iter().map(|table| table.table.name.as_str()).collect();
        let transaction = Transaction::begin(pool, Mode::Read, pool.patience()).await?;
        let found = transaction.client().query(READABLE, &[&schemas, &names]).await;
        transaction.roll_back().await;
        let mut sight = Self::default();
        for row in found? {
            let table = &topic.tables[row.get::<_, i64>(0) as usize - 1].table;
            if row.get(1) {
                let title = format!("table {table} has row security, by which events cannot be chosen");
                return Err(Problem::new(StatusCode::FORBIDDEN, title).hint(
                    "Query the table instead, or read events as a role that its policies do not apply to.",
                ));
            }
            let columns = row.get::<_, Vec<String>>(2).into_iter().collect();
            sight.tables.insert((table.schema.clone().unwrap_or_default(), table.name.clone()), columns);
        }
        if sight.tables.is_empty() {
            let title = format!("permission denied for events of topic {:?}", topic.topic.name);
            return Err(Problem::new(StatusCode::FORBIDDEN, title)
                .hint("They are for those who may SELECT from its table."));
        }
        sight.is_whole = topic.tables.iter().all(|table| sight.sees_all(table));
        Ok(sight)
    }

    fn sees_all(&self, table: &Definition) -> bool {
        let name = (table.table.schema.clone().unwrap_or_default(), table.table.name.clone());
        let all = |seen: &HashSet<String>| table.names().into_iter().all(|column| seen.contains(column));
        self.tables.get(&name).is_some_and(all)
    }

    /// Refuses to choose events by a column that the user may not read in any table.
    pub fn require(&self, column: &str) -> Result<(), Problem> {
        if self.tables.values().any(|seen| seen.contains(column)) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, format!("permission denied for column {column:?}"))
            .hint("Leave out the parameter `key`."))
    }

    /// Returns the columns of a table that the user may see.
    pub fn columns(&self, table: &EventTable) -> Columns {
        let Some(seen) = self.tables.get(&(table.schema.clone(), table.name.clone())) else {
            return Columns::None;
        };
        let places: Vec<usize> =
            (0..table.columns.len()).filter(|place| seen.contains(&table.columns[*place])).collect();
        match places.len() {
            0 => Columns::None,
            all if all == table.columns.len() => Columns::All,
            _ => Columns::Some(places),
        }
    }

    /// Returns the tables and columns that the user may see, in their order.
    pub fn listed(&self, topic: &TopicTables) -> Vec<(String, Vec<String>)> {
        let listed = |table: &Definition| {
            let name = (table.table.schema.clone().unwrap_or_default(), table.table.name.clone());
            let seen = self.tables.get(&name)?;
            let columns = table.names().into_iter().filter(|column| seen.contains(*column));
            Some((table.table.name.clone(), columns.map(String::from).collect()))
        };
        topic.tables.iter().filter_map(listed).collect()
    }
}
