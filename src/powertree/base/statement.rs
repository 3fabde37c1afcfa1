//! The SQL of the questions to the base table.

use crate::pg::catalog::is_partitioned;
use crate::pg::name::{quoted, relation_name};
use crate::pg::spi::Plan;
use crate::powertree::model::question::Query;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys;

/// Prepares the query of a tree's base table.
pub fn prepare(tree: &Tree, query: Query, value: usize) -> Plan {
    let schema = Tables::get().schema_name();
    // Of the exact type: an overload that somebody else puts into a schema must not be the better match.
    let at = format!("{}::{}", quoted(&tree.at.name), tree.position.sql_type());
    let expression = |value: usize| {
        let (column, kind) = &tree.values[value];
        format!("{}::{}", quoted(&column.name), kind.cast())
    };
    let all: Vec<String> =
        (0..tree.values.len()).map(|value| format!("{schema}.tally({})", expression(value))).collect();
    let (all, x) = (all.join(", "), expression(value));
    let keys: Vec<String> = tree.series.iter().map(|key| quoted(&key.column.name)).collect();
    let mut types: Vec<_> = match query {
        Query::Groups => Vec::new(),
        _ => tree.series.iter().map(|key| key.column.type_oid).collect(),
    };
    let mut conditions: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(i, key)| match query {
            Query::Groups => format!("{key} IS NOT NULL"),
            _ => format!("{key} OPERATOR(pg_catalog.=) ${}", i + 1),
        })
        .collect();
    for operator in [">=", "<="] {
        types.push(tree.position.type_oid());
        conditions.push(format!("{at} OPERATOR(pg_catalog.{operator}) ${}", types.len()));
    }
    let (base, conditions) = (relation_name(tree.base), conditions.join(" AND "));
    let from = format!("FROM {base} WHERE {conditions}");
    let sql = match query {
        Query::Range | Query::WideRange => format!("SELECT {schema}.tally({x}) {from}"),
        Query::Leaf => format!("SELECT {all} {from}"),
        Query::Last => {
            types.push(pg_sys::INT8OID);
            // However many they are, they are kept in work_mem, or on disk.
            format!(
                "WITH s AS MATERIALIZED (SELECT {at} AS at, {x} AS x {from} AND {x} IS NOT NULL \
                 ORDER BY {at} DESC, {x} DESC LIMIT ${}) SELECT {schema}.tally(x), \
                 (SELECT x::pg_catalog.float8 FROM s ORDER BY at, x LIMIT 1), \
                 (SELECT x::pg_catalog.float8 FROM s ORDER BY at DESC, x DESC LIMIT 1) FROM s",
                types.len()
            )
        }
        Query::Groups => {
            let keys: String = keys.iter().map(|key| format!("{key}, ")).collect();
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
            format!(
                "SELECT pg_catalog.width_bucket({at}, ${}), {schema}.tally({x}) {from} GROUP BY 1",
                types.len()
            )
        }
    };
    // A plan for a few rows of one series is good for all of them, unless there are partitions to leave out.
    let partitioned = is_partitioned(tree.base);
    let options = match query {
        Query::Range | Query::Leaf if !partitioned => pg_sys::CURSOR_OPT_GENERIC_PLAN,
        Query::Range | Query::Leaf => 0,
        _ => pg_sys::CURSOR_OPT_CUSTOM_PLAN,
    };
    Plan::prepare(&sql, types, options)
}
