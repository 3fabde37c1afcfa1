//! Rows of the base table at given positions of given series.

use super::query::Base;
use super::statement::{keys, position};
use crate::pg::memory::heap;
use crate::pg::server::name::{quoted, relation_name};
use crate::pg::tables::catalog::attname;
use crate::pg::tables::column::array_type;
use crate::pg::tables::spi::{Plan, SpiRow};
use crate::pg::values::value::Value;
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::{self, Oid};

/// A position of a series.
#[derive(Clone, Copy)]
pub struct Spot<'a> {
    /// The columns of the series.
    pub series: &'a [Value],
    pub position: i64,
}

/// Columns of the rows at spots.
pub struct SpotQuery<'t> {
    base: Base<'t>,
    plan: Plan,
}

impl<'t> SpotQuery<'t> {
    /// Prepares to read these columns, by number. SPI is connected.
    pub fn prepare(base: Base<'t>, columns: &[i16]) -> SpotQuery<'t> {
        let (sql, types) = statement(base.0, columns);
        SpotQuery { base, plan: Plan::prepare(&sql, types, pg_sys::CURSOR_OPT_CUSTOM_PLAN) }
    }

    /// Calls `each` with the number of a spot, from 0, and a row there, whose columns are from 2 on, until it returns false.
    pub fn run(&self, spots: &[Spot], mut each: impl FnMut(usize, &SpiRow) -> bool) {
        let Base(tree) = self.base;
        let mut arguments = Vec::new();
        for (place, key) in tree.series.iter().enumerate() {
            let type_oid = key.column.type_oid;
            let values = spots.iter().map(|spot| spot.series[place]);
            heap::room(&mut arguments, 1);
            arguments.push(Value::array(type_oid, values));
        }
        let positions = spots.iter().map(|spot| tree.position.to_value(spot.position));
        arguments.push(Value::array(tree.position.type_oid(), positions));
        self.plan.run_large(&arguments, |row| each(row.integer(1).saturating_sub(1) as usize, row));
    }
}

/// The SQL, and the types of its arguments: parallel arrays of the columns of the series, and of positions.
///
/// OFFSET 0 has PostgreSQL look up the rows of each spot by itself, by the index that there must be.
fn statement(tree: &Tree, columns: &[i16]) -> (String, Vec<Oid>) {
    let types = tree.series.iter().map(|key| key.column.type_oid).chain([tree.position.type_oid()]);
    let types: Vec<Oid> = types.map(array_type).collect();
    let arrays: Vec<String> = (1..=types.len()).map(|i| format!("pg_catalog.unnest(${i})")).collect();
    let names: String = (1..=types.len()).map(|i| format!("k{i}, ")).collect();
    let conditions: Vec<String> = (1..)
        .zip(keys(tree).chain([position(tree)]))
        .map(|(i, column)| format!("b.{column} OPERATOR(pg_catalog.=) k.k{i}"))
        .collect();
    let name = |&number: &i16| attname(tree.base, number).unwrap_or_default();
    let columns: Vec<String> = columns.iter().map(|number| format!("b.{}", quoted(name(number)))).collect();
    let (columns, conditions) = (columns.join(", "), conditions.join(" AND "));
    let (arrays, base) = (arrays.join(", "), relation_name(tree.base));
    let sql = format!(
        "SELECT k.n, r.* FROM ROWS FROM ({arrays}) WITH ORDINALITY AS k({names}n), \
         LATERAL (SELECT {columns} FROM {base} AS b WHERE {conditions} OFFSET 0) AS r"
    );
    (sql, types)
}
