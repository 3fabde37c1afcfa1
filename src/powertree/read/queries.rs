//! The SQL functions that read power trees.

use super::bucket::cut;
use super::reader::Reader;
use super::request::{range, series, value};
use crate::datum::tally::{allocate, SqlTally};
use crate::pg::composite::CompositeRow;
use crate::pg::error::raise;
use crate::pg::spi::connected;
use crate::powertree::model::argument::required;
use crate::powertree::model::lock::lock;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::definition::MOST_VALUES;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo};
use pgrx::prelude::*;
use std::rc::Rc;
use tally_stats::tree::Block;
use tally_stats::Tally;

/// The tree and the value that arguments 0 and 1 name, which the caller may read. The base table is locked, as any
/// query of it would.
fn tree_and_value(fcinfo: FunctionCallInfo) -> (Rc<Tree>, usize) {
    let name: String = required(fcinfo, 0, "tree");
    let tree = Tree::named(&name);
    value(fcinfo, 1, &tree);
    lock(tree.base);
    // A change that waited for the lock, or that we waited for, may have made another tree of it.
    let tree = Tree::named(&name);
    let value = value(fcinfo, 1, &tree);
    (tree, value)
}

#[pg_extern(sql = false)]
fn powertree_tally(fcinfo: FunctionCallInfo) -> SqlTally {
    let (tree, value) = tree_and_value(fcinfo);
    let range = range(fcinfo, 2, &tree);
    let key = series(fcinfo, 4, &tree);
    SqlTally(connected(|| {
        if range.is_empty() {
            return Tally::EMPTY;
        }
        Reader::answer(&tree, value, &key, range, |reader| reader.range(range))
    }))
}

#[pg_extern(sql = false)]
fn powertree_last(fcinfo: FunctionCallInfo) -> CompositeRow {
    let (tree, value) = tree_and_value(fcinfo);
    let need: i64 = required(fcinfo, 2, "number of values");
    if need <= 0 {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("number of values must be positive: {need}"),
            "",
            "Ask for at least the last value.",
        );
    }
    let key = series(fcinfo, 3, &tree);
    let (first, last) = tree.position.ends();
    let line = Range { first, last };
    let found = connected(|| Reader::answer(&tree, value, &key, line, |reader| reader.last(need)));
    let double = |x: Option<f64>| x.map(|x| Datum::from(x.to_bits()));
    CompositeRow::of(fcinfo, [Some(allocate(found.tally).into()), double(found.first), double(found.last)])
}

#[pg_extern(sql = false)]
fn powertree_buckets(fcinfo: FunctionCallInfo) {
    let (tree, value) = tree_and_value(fcinfo);
    let cut = cut(fcinfo, 2, &tree);
    let key = series(fcinfo, 5, &tree);
    // SAFETY: the function is declared to return rows of a position and a tally, which the store copies, and keeps on
    // disk if they are many.
    unsafe {
        pg_sys::InitMaterializedSRF(fcinfo, 0);
        let result = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        let (rows, descriptor) = ((*result).setResult, (*result).setDesc);
        connected(|| {
            Reader::answer(&tree, value, &key, cut.range, |reader| {
                // What was answered before does not count.
                pg_sys::tuplestore_clear(rows);
                reader.buckets(&cut, |begin, tally| {
                    let mut tally = *tally;
                    let mut values = [tree.position.to_datum(begin), Datum::from(&raw mut tally)];
                    let mut nulls = [false; 2];
                    pg_sys::tuplestore_putvalues(rows, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
                });
            });
        });
    }
}

/// Returns how many values of the first column a stored node has, as views of version 0.1.0 ask.
#[pg_extern(sql = false)]
fn powertree_count(block: &[u8], values: i32) -> i64 {
    let values = usize::try_from(values).ok().filter(|values| (1..=MOST_VALUES).contains(values));
    let block = values.and_then(|values| Block::from_bytes(values, block));
    block.and_then(|block| block.total().first().map(Tally::num_vals)).unwrap_or(0)
}
