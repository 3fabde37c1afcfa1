//! Progress of a long compaction, reported by a NOTICE every second.

use crate::pg::server::kept::{kept, replace, take, Kept};
use crate::pg::tables::relation::Class;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(1);

/// The number of rows between two looks at the clock.
const ROWS: u64 = 8192;

/// The number of leaves written so far, and when it was last reported.
pub struct Progress {
    tree: String,
    leaves: usize,
    began: Instant,
    said: Instant,
}

impl Progress {
    pub fn new(tree: &str) -> Progress {
        let now = Instant::now();
        Progress { tree: tree.to_owned(), leaves: 0, began: now, said: now }
    }

    pub fn advance(&mut self, leaves: usize) {
        self.leaves += leaves;
        if self.said.elapsed() >= PERIOD {
            self.said = Instant::now();
            let (leaves, seconds) = (self.leaves, self.began.elapsed().as_secs());
            notice!("power tree \"{}\": {leaves} leaves written in {seconds} s", self.tree);
        }
    }
}

thread_local! {
    /// The read in progress, if there is one.
    static READING: Kept<Option<Reading>> = const { kept(None) };
}

struct Reading {
    tree: String,
    rows: u64,
    /// The number of rows at the last ANALYZE; not positive if there has been none.
    expected: f32,
    said: Instant,
}

/// A guard that ends the read when it is dropped, even by an error.
pub struct EndOfReading;

impl Drop for EndOfReading {
    fn drop(&mut self) {
        take(&READING);
    }
}

/// Begins to count the rows that are read from a tree's base table.
pub fn read(tree: &str, base: Oid) -> EndOfReading {
    let expected = Class::of(base).map_or(-1.0, |class| class.rows);
    let reading = Reading { tree: tree.to_owned(), rows: 0, expected, said: Instant::now() };
    replace(&READING, Some(reading));
    EndOfReading
}

/// Counts a row that was read.
fn count_row() {
    READING.with_borrow_mut(|reading| {
        let Some(reading) = &mut **reading else { return };
        reading.rows += 1;
        if reading.rows % ROWS == 0 && reading.said.elapsed() >= PERIOD {
            reading.said = Instant::now();
            let (tree, rows) = (&reading.tree, reading.rows);
            match reading.expected {
                expected if expected > 0.0 => {
                    notice!("power tree \"{tree}\": {rows} of about {expected:.0} rows read");
                }
                _ => notice!("power tree \"{tree}\": {rows} rows read"),
            }
        }
    });
}

#[pg_extern(sql = false)]
fn powertree_leaf(position: i64, width: i64) -> i64 {
    count_row();
    position.div_euclid(width.max(1))
}

#[pg_extern(sql = false)]
fn powertree_leaf_date(date: i32, width: i64) -> i64 {
    count_row();
    i64::from(date).div_euclid(width.max(1))
}
