//! Definitions: what is written down of each tree.

use super::tables::Tables;
use crate::pg::table::{Row, Snapshot, Table};
use pgrx::datum::{FromDatum, IntoDatum};
use pgrx::pg_sys::{Datum, Oid};

/// More would not fit into a page.
pub const MOST_VALUES: usize = 8;

/// What is written down of a tree.
#[derive(Clone, Debug)]
pub struct Definition {
    pub id: i32,
    pub name: String,
    pub base: Oid,
    pub at: String,
    pub values: Vec<String>,
    pub series: Vec<String>,
    pub leaf: i64,
    /// Levels of blocks.
    pub height: u32,
}

impl Definition {
    fn of(row: &Row) -> Definition {
        // SAFETY: the columns of the table, none of them NULL.
        unsafe {
            let string =
                |column| row.get(column).and_then(|d| String::from_datum(d, false)).unwrap_or_default();
            let strings = |column| {
                row.get(column).and_then(|d| Vec::<String>::from_datum(d, false)).unwrap_or_default()
            };
            Definition {
                id: row.integer(1) as i32,
                name: string(2),
                base: Oid::from(row.integer(3) as u32),
                at: string(4),
                values: strings(5),
                series: strings(6),
                leaf: row.integer(7),
                height: row.integer(8) as u32,
            }
        }
    }

    /// The row that says it.
    pub fn columns(&self) -> [Option<Datum>; 8] {
        [
            Some(self.id.into()),
            self.name.clone().into_datum(),
            Some(self.base.into()),
            self.at.clone().into_datum(),
            self.values.clone().into_datum(),
            self.series.clone().into_datum(),
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
