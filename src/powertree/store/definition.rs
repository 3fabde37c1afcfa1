//! Stored definitions of trees.

use super::tables::Tables;
use crate::pg::tables::table::{Row, Snapshot, Table};
use crate::pg::values::value::{Regclass, Value};
use pgrx::pg_sys::Oid;

/// The most value columns of a tree; a node with more would not fit into a page.
pub const MOST_VALUES: usize = 8;

/// The stored definition of a tree.
#[derive(Clone, Debug)]
pub struct Definition {
    pub id: i32,
    pub name: String,
    pub base: Oid,
    pub at: String,
    pub values: Vec<String>,
    pub series: Vec<String>,
    pub leaf: i64,
    /// The number of levels of blocks.
    pub height: u32,
}

impl Definition {
    fn of(row: &Row) -> Definition {
        Definition {
            id: row.integer(1) as i32,
            name: row.text(2).unwrap_or_default(),
            base: Oid::from(row.integer(3) as u32),
            at: row.text(4).unwrap_or_default(),
            values: row.texts(5).unwrap_or_default(),
            series: row.texts(6).unwrap_or_default(),
            leaf: row.integer(7),
            height: row.integer(8) as u32,
        }
    }

    /// Returns the definition as a row of its table.
    pub fn columns(&self) -> [Option<Value>; 8] {
        [
            Some(self.id.into()),
            Some(self.name.as_str().into()),
            Some(Regclass(self.base).into()),
            Some(self.at.as_str().into()),
            Some(self.values.clone().into()),
            Some(self.series.clone().into()),
            Some(self.leaf.into()),
            Some((self.height as i16).into()),
        ]
    }

    /// All trees of the database.
    pub fn all(tables: &Tables) -> Vec<Definition> {
        let mut all = Vec::new();
        Table::read(tables.definition).scan(tables.definition_id, Snapshot::Latest, &[], |row| {
            all.push(Definition::of(row));
            true
        });
        all
    }
}
