//! The SQL of the questions to the base table.

use crate::pg::catalog::is_partitioned;
use crate::pg::name::{quoted, relation_name};
use crate::pg::spi::Plan;
use crate::powertree::model::question::Query;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};

/// Prepares the query of a tree's base table.
pub fn prepare(tree: &Tree, query: Query, value: usize) -> Plan {
    let (sql, types) = statement(tree, query, value);
    // A plan for a few rows of one series is good for all of them, unless there are partitions to leave out.
    let options = match query {
        Query::Range | Query::Leaf if !is_partitioned(tree.base) => pg_sys::CURSOR_OPT_GENERIC_PLAN,
        Query::Range | Query::Leaf => 0,
        _ => pg_sys::CURSOR_OPT_CUSTOM_PLAN,
    };
    Plan::prepare(&sql, types, options)
}

/// The SQL of a query, and the types of its arguments: the key of the series, both ends of the range, and one more.
fn statement(tree: &Tree, query: Query, value: usize) -> (String, Vec<Oid>) {
    let (schema, at, x) = (Tables::get().schema_name(), position(tree), expression(tree, value));
    let all: Vec<String> =
        (0..tree.values.len()).map(|value| format!("{schema}.tally({})", expression(tree, value))).collect();
    let all = all.join(", ");
    let (from, mut types) = rows(tree, query);
    let next = types.len() + 1;
    let sql = match query {
        Query::Range | Query::WideRange => format!("SELECT {schema}.tally({x}) {from}"),
        Query::Leaf => format!("SELECT {all} {from}"),
        Query::Last => {
            types.push(pg_sys::INT8OID);
            // However many they are, they are kept in work_mem, or on disk.
            format!(
                "WITH s AS MATERIALIZED (SELECT {at} AS at, {x} AS x {from} AND {x} IS NOT NULL \
                 ORDER BY {at} DESC, {x} DESC LIMIT ${next}) SELECT {schema}.tally(x), \
                 (SELECT x::pg_catalog.float8 FROM s ORDER BY at, x LIMIT 1), \
                 (SELECT x::pg_catalog.float8 FROM s ORDER BY at DESC, x DESC LIMIT 1) FROM s"
            )
        }
        Query::Groups => {
            let keys: String = keys(tree).map(|key| format!("{key}, ")).collect();
            let order: Vec<String> = (1..=tree.series.len() + 1).map(|i| i.to_string()).collect();
            let (width, order) = (tree.leaves.width, order.join(", "));
            format!(
                "SELECT {keys}{schema}.powertree_leaf({at}, {width}::pg_catalog.int8), {all} {from} \
                 GROUP BY {order} ORDER BY {order}"
            )
        }
        Query::Buckets => {
            // SAFETY: PostgreSQL looks up the array type, which each type of positions has.
            types.push(unsafe { pg_sys::get_array_type(tree.position.type_oid()) });
            format!("SELECT pg_catalog.width_bucket({at}, ${next}), {schema}.tally({x}) {from} GROUP BY 1")
        }
    };
    (sql, types)
}

/// The FROM and WHERE clauses, and the types of their arguments.
fn rows(tree: &Tree, query: Query) -> (String, Vec<Oid>) {
    let all_series = query == Query::Groups;
    let mut types: Vec<Oid> = match all_series {
        true => Vec::new(),
        false => tree.series.iter().map(|key| key.column.type_oid).collect(),
    };
    let mut conditions: Vec<String> = (1..)
        .zip(keys(tree))
        .map(|(i, key)| match all_series {
            true => format!("{key} IS NOT NULL"),
            false => format!("{key} OPERATOR(pg_catalog.=) ${i}"),
        })
        .collect();
    for operator in [">=", "<="] {
        types.push(tree.position.type_oid());
        conditions.push(format!("{} OPERATOR(pg_catalog.{operator}) ${}", position(tree), types.len()));
    }
    (format!("FROM {} WHERE {}", relation_name(tree.base), conditions.join(" AND ")), types)
}

/// The position column, cast to its exact type: an overload that a user puts into a schema must not be the better match.
fn position(tree: &Tree) -> String {
    format!("{}::{}", quoted(&tree.at.name), tree.position.sql_type())
}

/// A value column, cast to the exact type of an argument of `tally`.
fn expression(tree: &Tree, value: usize) -> String {
    let (column, kind) = &tree.values[value];
    format!("{}::{}", quoted(&column.name), kind.cast())
}

/// The columns of the key.
fn keys(tree: &Tree) -> impl Iterator<Item = String> + '_ {
    tree.series.iter().map(|key| quoted(&key.column.name))
}
