//! The SQL functions that read power trees.

use super::below::{Below, SeriesBelow};
use super::bucket::{cut, ends};
use super::reader::Reader;
use super::request::{prefix, require_series, series, value};
use super::zoom::Zoom;
use crate::datum::tally::{allocate, SqlTally};
use crate::pg::calls::call::Call;
use crate::pg::calls::composite::CompositeRow;
use crate::pg::calls::rows::ResultRows;
use crate::pg::server::error::raise;
use crate::pg::tables::spi::connected;
use crate::pg::values::value::Value;
use crate::powertree::model::argument::{range, required};
use crate::powertree::model::key;
use crate::powertree::model::lock::lock;
use crate::powertree::model::question::{Measure, Measured, Range};
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::Datum;
use pgrx::prelude::*;
use std::rc::Rc;
use tally_stats::Tally;

/// The tree and the value that arguments 0 and 1 name, which the caller may read. The base table is locked, as any
/// query of it would.
fn tree_and_value(call: Call) -> (Rc<Tree>, usize) {
    locked(call, |tree| value(call, 1, tree))
}

/// The tree that argument 0 names, of which the caller may read position and series.
fn readable_tree(call: Call) -> Rc<Tree> {
    locked(call, require_series).0
}

/// The tree that argument 0 names, and what is to be checked of it before and after the base table is locked.
fn locked<R>(call: Call, check: impl Fn(&Tree) -> R) -> (Rc<Tree>, R) {
    let name: &str = required(call, 0, "tree");
    let tree = Tree::named(name);
    check(&tree);
    lock(tree.base);
    // A change that waited for the lock, or that we waited for, may have made another tree of it.
    let tree = Tree::named(name);
    let checked = check(&tree);
    (tree, checked)
}

#[pg_extern(sql = false)]
fn powertree_tally(call: Call) -> SqlTally {
    let (tree, value) = tree_and_value(call);
    let range = range(call, 2, &tree);
    let key = series(call, 4, &tree);
    SqlTally(connected(|| {
        if range.is_empty() {
            return Tally::EMPTY;
        }
        Reader::answer(&tree, value, &key, range, |reader| reader.range(range))
    }))
}

#[pg_extern(sql = false)]
fn powertree_last(call: Call) -> CompositeRow {
    let (tree, value) = tree_and_value(call);
    let need: i64 = required(call, 2, "number of values");
    if need <= 0 {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("number of values must be positive: {need}"),
            "",
            "Ask for at least the last value.",
        );
    }
    let key = series(call, 3, &tree);
    let (first, last) = tree.position.ends();
    let line = Range { first, last };
    let found = connected(|| Reader::answer(&tree, value, &key, line, |reader| reader.last(need)));
    let double = |x: Option<f64>| x.map(|x| Datum::from(x.to_bits()));
    CompositeRow::of(call, [Some(allocate(found.tally).into()), double(found.first), double(found.last)])
}

#[pg_extern(sql = false)]
fn powertree_buckets(call: Call) {
    let (tree, value) = tree_and_value(call);
    let cut = cut(call, 2, &tree);
    let key = series(call, 5, &tree);
    let rows = ResultRows::of(call);
    connected(|| {
        Reader::answer(&tree, value, &key, cut.range, |reader| {
            // What was answered before does not count.
            rows.clear();
            reader.buckets(&cut, |begin, tally| {
                rows.add(|| [tree.position.to_datum(begin), allocate(tally.renormalized()).into()]);
            });
        });
    });
}

#[pg_extern(sql = false)]
fn powertree_zoom(call: Call) {
    let (tree, value) = tree_and_value(call);
    let (from, to) = ends(call, 2, &tree);
    let points: i32 = required(call, 4, "number of points");
    let key = series(call, 5, &tree);
    let zoom = Zoom::of(&tree, from, to, points);
    let rows = ResultRows::of(call);
    connected(|| {
        Reader::answer(&tree, value, &key, zoom.cut.range, |reader| {
            rows.clear();
            reader.buckets(&zoom.cut, |begin, tally| {
                let tally = tally.renormalized();
                rows.add(|| [tree.position.to_datum(begin), zoom.step(), allocate(tally).into()]);
            });
        });
    });
}

#[pg_extern(sql = false)]
fn powertree_tallies(call: Call) {
    let (tree, value) = tree_and_value(call);
    let range = range(call, 2, &tree);
    let below = prefix(call, 4, &tree);
    let rows = ResultRows::of(call);
    connected(|| {
        if range.is_empty() {
            return;
        }
        for found in Below::new(tree.clone(), Measure::Tally(value), below).measure(range) {
            let SeriesBelow { key, measured: Measured { tally, .. } } = found;
            if tally.num_vals() > 0 {
                rows.add(|| {
                    let series = Value::from(key::texts(&tree.series, &key));
                    [series.datum(), allocate(tally.renormalized()).into()]
                });
            }
        }
    });
}

#[pg_extern(sql = false)]
fn powertree_series(call: Call) {
    let tree = readable_tree(call);
    let below = prefix(call, 1, &tree);
    let (first, last) = tree.position.ends();
    let rows = ResultRows::of(call);
    connected(|| {
        for found in Below::new(tree.clone(), Measure::Extent, below).measure(Range { first, last }) {
            let SeriesBelow { key, measured: Measured { extent, .. } } = found;
            if extent.rows > 0 {
                let text =
                    |position| Value::from(tree.position.to_value(position).to_text().as_str()).datum();
                rows.add(|| {
                    let series = Value::from(key::texts(&tree.series, &key));
                    [series.datum(), text(extent.first), text(extent.last), extent.rows.into()]
                });
            }
        }
    });
}

/// Returns 0: views of version 0.1.0 ask how many values a stored node has, whose format this version does not read.
#[pg_extern(sql = false)]
fn powertree_count(_block: &[u8], _values: i32) -> i64 {
    0
}
