//! The SQL of the queries of the base table.

use crate::pg::server::name::{quoted, relation_name};
use crate::pg::tables::catalog::is_partitioned;
use crate::pg::tables::column::array_type;
use crate::pg::tables::relation::has_index;
use crate::pg::tables::spi::Plan;
use crate::powertree::model::question::{Measure, Query};
use crate::powertree::model::tree::Tree;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};

/// Prepares the query of a tree's base table.
pub fn prepare(tree: &Tree, query: Query, value: usize) -> Plan {
    let (sql, types) = statement(tree, query, value);
    // A generic plan for a few rows of one series suits all series, unless there are partitions to prune.
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
    let (from, mut types) = rows(tree, query);
    let next = types.len() + 1;
    let sql = match query {
        Query::Range | Query::WideRange => format!("SELECT {schema}.tally({x}) {from}"),
        Query::Leaf => format!("SELECT {} {from}", contents(tree, "")),
        Query::Last => {
            types.push(pg_sys::INT8OID);
            // However many rows there are, they are kept in work_mem or on disk.
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
            let (width, order, contents) = (tree.leaves.width, order.join(", "), contents(tree, ""));
            format!(
                "SELECT {keys}{schema}.powertree_leaf({at}, {width}::pg_catalog.int8), {contents} {from} \
                 GROUP BY {order} ORDER BY {order}"
            )
        }
        Query::Below(measure, _) => {
            let keys: String = keys(tree).map(|key| format!("{key}, ")).collect();
            let groups: Vec<String> = (1..=tree.series.len()).map(|i| i.to_string()).collect();
            let grouping = if groups.is_empty() { "" } else { "GROUP BY" };
            let measure = measured(tree, measure);
            format!("SELECT {keys}{measure} {from} {grouping} {}", groups.join(", "))
        }
        Query::Pieces => return pieces(tree, false),
        Query::CutPieces => return pieces(tree, true),
        Query::Span => {
            types.push(array_type(tree.position.type_oid()));
            let columns: Vec<String> = [place(tree, "", next)].into_iter().chain(keys(tree)).collect();
            let groups: Vec<String> = (1..=columns.len()).map(|i| i.to_string()).collect();
            let (columns, groups) = (columns.join(", "), groups.join(", "));
            format!("SELECT {columns}, {} {from} GROUP BY {groups}", contents(tree, ""))
        }
        Query::Buckets => {
            types.push(array_type(tree.position.type_oid()));
            format!("SELECT {}, {schema}.tally({x}) {from} GROUP BY 1", place(tree, "", next))
        }
    };
    (sql, types)
}

/// The columns of a measure.
fn measured(tree: &Tree, measure: Measure) -> String {
    match measure {
        Measure::Extent => extent(tree, ""),
        Measure::Tally(value) => tally(tree, value, ""),
    }
}

/// The columns of contents; `table` qualifies them, as a name followed by a dot, where there are other tables.
fn contents(tree: &Tree, table: &str) -> String {
    let tallies = (0..tree.values.len()).map(|value| tally(tree, value, table));
    let columns: Vec<String> = [extent(tree, table)].into_iter().chain(tallies).collect();
    columns.join(", ")
}

fn extent(tree: &Tree, table: &str) -> String {
    let at = position(tree);
    format!("pg_catalog.count(*), pg_catalog.min({table}{at}), pg_catalog.max({table}{at})")
}

fn tally(tree: &Tree, value: usize, table: &str) -> String {
    format!("{}.tally({table}{})", Tables::get().schema_name(), expression(tree, value))
}

/// The FROM and WHERE clauses, and the types of their arguments.
fn rows(tree: &Tree, query: Query) -> (String, Vec<Oid>) {
    // The columns of the series whose values are given; the others may have any value.
    let given = match query {
        Query::Groups | Query::Span => 0,
        Query::Below(_, given) => given,
        _ => tree.series.len(),
    };
    let mut types: Vec<Oid> = tree.series.iter().take(given).map(|key| key.column.type_oid).collect();
    let mut conditions: Vec<String> = (1..)
        .zip(keys(tree))
        .map(|(i, key)| match i <= given {
            true => format!("{key} OPERATOR(pg_catalog.=) ${i}"),
            false => format!("{key} IS NOT NULL"),
        })
        .collect();
    for operator in [">=", "<="] {
        types.push(tree.position.type_oid());
        conditions.push(format!("{} OPERATOR(pg_catalog.{operator}) ${}", position(tree), types.len()));
    }
    (format!("FROM {} WHERE {}", relation_name(tree.base), conditions.join(" AND ")), types)
}

/// The SQL of pieces, and the types of its arguments: parallel arrays of the columns of the series and of the first and
/// last positions; the positions between which all pieces lie; and those that cut pieces, if any.
///
/// Where an index finds the rows of a piece, each piece is queried by itself: PostgreSQL, which estimates badly how
/// many rows lie between two columns, might join all pieces of a series with all of its rows. Without such an index,
/// that join remains.
fn pieces(tree: &Tree, are_cut: bool) -> (String, Vec<Oid>) {
    let at = tree.position.type_oid();
    let columns = tree.series.iter().map(|key| key.column.type_oid).chain([at, at]);
    let mut types: Vec<Oid> = columns.map(array_type).collect();
    let many = types.len();
    types.extend([at, at]);
    let arrays: Vec<String> = (1..=many).map(|i| format!("pg_catalog.unnest(${i})")).collect();
    let names: String = (1..=many).map(|i| format!("k{i}, ")).collect();
    let keys: String =
        (1..).zip(keys(tree)).map(|(i, key)| format!("b.{key} OPERATOR(pg_catalog.=) k.k{i} AND ")).collect();
    let (base, at) = (relation_name(tree.base), format!("b.{}", position(tree)));
    let (first, last) = (many - 1, many);
    let (from, to) = (many + 1, many + 2);
    let condition = format!(
        "{keys}{at} OPERATOR(pg_catalog.>=) k.k{first} AND {at} OPERATOR(pg_catalog.<=) k.k{last} \
         AND {at} OPERATOR(pg_catalog.>=) ${from} AND {at} OPERATOR(pg_catalog.<=) ${to}"
    );
    let mut place_column = String::new();
    if are_cut {
        types.push(array_type(tree.position.type_oid()));
        place_column = format!("{}, ", place(tree, "b.", types.len()));
    }
    let columns = format!("{place_column}{}", contents(tree, "b."));
    let k = format!("ROWS FROM ({}) WITH ORDINALITY AS k({names}n)", arrays.join(", "));
    let numbers: Vec<i16> = tree.series.iter().map(|key| key.column.number).collect();
    let sql = if has_index(tree.base, &numbers, tree.at.number) {
        let grouping = if are_cut { "GROUP BY 1" } else { "" };
        format!("SELECT k.n, p.* FROM {k}, LATERAL (SELECT {columns} FROM {base} AS b WHERE {condition} {grouping}) AS p")
    } else {
        let grouping = if are_cut { ", 2" } else { "" };
        format!("SELECT k.n, {columns} FROM {k} JOIN {base} AS b ON {condition} GROUP BY k.n{grouping}")
    };
    (sql, types)
}

/// The place of the position in a sorted array, which is argument `number`.
fn place(tree: &Tree, table: &str, number: usize) -> String {
    format!("pg_catalog.width_bucket({table}{}, ${number})", position(tree))
}

/// The position column, cast to its exact type: otherwise an overload that a user has created might be the better
/// match.
pub fn position(tree: &Tree) -> String {
    format!("{}::{}", quoted(&tree.at.name), tree.position.sql_type())
}

/// A value column, cast to the exact type of an argument of `tally`.
fn expression(tree: &Tree, value: usize) -> String {
    let (column, kind) = &tree.values[value];
    format!("{}::{}", quoted(&column.name), kind.cast())
}

/// The columns of the key.
pub fn keys(tree: &Tree) -> impl Iterator<Item = String> + '_ {
    tree.series.iter().map(|key| quoted(&key.column.name))
}
