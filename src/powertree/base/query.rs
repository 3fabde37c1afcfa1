//! The queries of the base table.

use super::progress;
use crate::pg::memory;
use crate::pg::name::{quoted, relation_name};
use crate::pg::spi::Plan;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Datum};
use std::rc::Rc;
use tally_stats::Tally;

/// Which of them; all but `Groups` are of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// The tally of one value between two positions, as seen by the caller.
    Range,
    /// The same with a plan for just these positions: they may be far apart.
    WideRange,
    /// The tallies of all values between two positions.
    Leaf,
    /// The last N of one value between two positions: tally, first and last of them.
    Last,
    /// The tallies of all values of all series between two positions, by series and leaf.
    Groups,
    /// The tallies of one value between two positions, by the place of the position among sorted ones.
    Buckets,
}

/// Positions, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub first: i64,
    pub last: i64,
}

impl Range {
    pub fn is_empty(self) -> bool {
        self.first > self.last
    }
}

/// The last so many values.
#[derive(Clone, Copy, Debug)]
pub struct LastValues {
    pub tally: Tally,
    pub first: Option<f64>,
    pub last: Option<f64>,
}

impl Tree {
    /// The prepared query; SPI is connected.
    pub fn query(&self, query: Query, value: usize) -> Rc<Plan> {
        let known = self.plans.borrow().get(&(query, value)).cloned();
        known.unwrap_or_else(|| {
            let plan = Rc::new(self.prepare(query, value));
            self.plans.borrow_mut().insert((query, value), plan.clone());
            plan
        })
    }

    fn prepare(&self, query: Query, value: usize) -> Plan {
        let schema = quoted_schema();
        // Of the exact type: an overload that somebody else puts into a schema must not be the better match.
        let at = format!("{}::{}", quoted(&self.at.name), self.position.sql_type());
        let expression = |value: usize| {
            let (column, kind) = &self.values[value];
            format!("{}::{}", quoted(&column.name), kind.cast())
        };
        let all: Vec<String> =
            (0..self.values.len()).map(|value| format!("{schema}.tally({})", expression(value))).collect();
        let (all, x) = (all.join(", "), expression(value));
        let keys: Vec<String> = self.series.iter().map(|key| quoted(&key.column.name)).collect();
        let mut types: Vec<_> = match query {
            Query::Groups => Vec::new(),
            _ => self.series.iter().map(|key| key.column.type_oid).collect(),
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
            types.push(self.position.type_oid());
            conditions.push(format!("{at} OPERATOR(pg_catalog.{operator}) ${}", types.len()));
        }
        let (base, conditions) = (relation_name(self.base), conditions.join(" AND "));
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
                let order: Vec<String> = (1..=self.series.len() + 1).map(|i| i.to_string()).collect();
                let (width, order) = (self.leaves.width, order.join(", "));
                format!(
                    "SELECT {keys}{schema}.powertree_leaf({at}, {width}::pg_catalog.int8), {all} {from} \
                     GROUP BY {order} ORDER BY {order}"
                )
            }
            Query::Buckets => {
                // SAFETY: a look-up; the type has an array type.
                types.push(unsafe { pg_sys::get_array_type(self.position.type_oid()) });
                format!(
                    "SELECT pg_catalog.width_bucket({at}, ${}), {schema}.tally({x}) {from} GROUP BY 1",
                    types.len()
                )
            }
        };
        // A plan for a few rows of one series is good for all of them, unless there are partitions to leave out.
        // SAFETY: a look-up in the catalog.
        let partitioned =
            unsafe { pg_sys::get_rel_relkind(self.base) } as u8 == pg_sys::RELKIND_PARTITIONED_TABLE;
        let options = match query {
            Query::Range | Query::Leaf if !partitioned => pg_sys::CURSOR_OPT_GENERIC_PLAN,
            Query::Range | Query::Leaf => 0,
            _ => pg_sys::CURSOR_OPT_CUSTOM_PLAN,
        };
        Plan::prepare(&sql, &types, options)
    }

    /// The arguments for a series and a range.
    fn arguments(&self, key: &[Datum], range: Range) -> Vec<Datum> {
        let mut arguments = key.to_vec();
        arguments.extend([range.first, range.last].map(|position| self.position.to_datum(position)));
        arguments
    }

    /// The tally of a value between two positions.
    pub fn read_range(&self, query: Query, value: usize, key: &[Datum], range: Range) -> Tally {
        let mut tally = Tally::EMPTY;
        if !range.is_empty() {
            self.query(query, value).run(&self.arguments(key, range), |row| tally = row.tally(1));
        }
        tally
    }

    /// The tallies of all values between two positions.
    pub fn read_leaf(&self, key: &[Datum], range: Range) -> Vec<Tally> {
        let mut tallies = Vec::new();
        self.query(Query::Leaf, 0).run(&self.arguments(key, range), |row| {
            tallies = (1..=self.values.len()).map(|column| row.tally(column)).collect();
        });
        tallies
    }

    /// The last `need` of a value between two positions.
    pub fn read_last(&self, value: usize, key: &[Datum], range: Range, need: i64) -> LastValues {
        let mut result = LastValues { tally: Tally::EMPTY, first: None, last: None };
        let mut arguments = self.arguments(key, range);
        arguments.push(need.into());
        self.query(Query::Last, value).run(&arguments, |row| {
            result = LastValues { tally: row.tally(1), first: row.double(2), last: row.double(3) };
        });
        result
    }

    /// Calls `each` with series, leaf and tallies, sorted by series and leaf, of all series between two positions.
    pub fn read_groups(&self, range: Range, mut each: impl FnMut(Vec<u8>, i64, Vec<Tally>)) {
        let keys = self.series.len();
        let _reading = progress::read(&self.name, self.base);
        self.query(Query::Groups, 0).run_large(&self.arguments(&[], range), |row| {
            let mut key = Vec::new();
            for (i, column) in self.series.iter().enumerate() {
                if let Some(datum) = row.get(i + 1) {
                    column.encode(datum, &mut key);
                }
            }
            let tallies = (0..self.values.len()).map(|value| row.tally(keys + 2 + value)).collect();
            each(key, row.integer(keys + 1), tallies);
        });
    }

    /// Calls `each` with the place and the tally of a value, for all places that have any between two positions.
    pub fn read_buckets(
        &self,
        value: usize,
        key: &[Datum],
        range: Range,
        begins: &[i64],
        mut each: impl FnMut(usize, Tally),
    ) {
        let mut arguments = self.arguments(key, range);
        let array;
        let mut begins = memory::collect(begins.iter().map(|&begin| self.position.to_datum(begin)));
        // SAFETY: an array of the position's type, which is passed by value.
        unsafe {
            let (mut length, mut by_value, mut align) = (0, false, 0);
            let element = self.position.type_oid();
            pg_sys::get_typlenbyvalalign(element, &mut length, &mut by_value, &mut align);
            let count = begins.len() as i32;
            array =
                pg_sys::construct_array(begins.as_mut_ptr(), count, element, length.into(), by_value, align);
            arguments.push(Datum::from(array));
        }
        self.query(Query::Buckets, value).run(&arguments, |row| {
            each(row.get(1).map_or(0, |datum| datum.value() as i32) as usize, row.tally(2));
        });
        // SAFETY: made above; the next of many calls needs the room.
        unsafe { pg_sys::pfree(array.cast()) }
    }
}

fn quoted_schema() -> String {
    Tables::get().schema_name()
}
