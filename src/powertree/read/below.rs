//! Answers for all series below a prefix at once, as one cell.

use super::cells::{self, CellQuestion, Seen};
use crate::pg::memory::heap::{self, room};
use crate::pg::values::value::Value;
use crate::powertree::base::query::Base;
use crate::powertree::model::question::{Measure, Measured, Range};
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::Oid;
use std::rc::Rc;
use tally_stats::tree::Chosen;

/// A measure of all series whose first columns have given values. SPI is connected while it is asked.
pub struct Below {
    tree: Rc<Tree>,
    measure: Measure,
    prefix: Vec<Value>,
    /// The bytes with which the keys of these series begin.
    begin: Vec<u8>,
}

/// A series and its measure.
pub struct SeriesBelow {
    pub key: Vec<u8>,
    pub measured: Measured,
}

impl Below {
    pub fn new(tree: Rc<Tree>, measure: Measure, prefix: Vec<Value>) -> Below {
        let mut begin = Vec::new();
        tree.series.iter().zip(&prefix).for_each(|(column, &datum)| column.encode_parsed(datum, &mut begin));
        Below { tree, measure, prefix, begin }
    }

    /// Measures each series between two positions; some may have no rows there.
    pub fn measure(&self, range: Range) -> Vec<SeriesBelow> {
        self.ask_tree(range).unwrap_or_else(|| self.ask_base(range))
    }

    /// The series as the base table has them.
    fn ask_base(&self, range: Range) -> Vec<SeriesBelow> {
        let mut all = Vec::new();
        Base(&self.tree).read_below(self.measure, &self.prefix, range, |key, measured| {
            room(&mut all, 1);
            all.push(SeriesBelow { key, measured });
        });
        all
    }

    /// The series as the tree has them; None if it must not be asked, or cannot tell.
    fn ask_tree(&self, range: Range) -> Option<Vec<SeriesBelow>> {
        let (mut keys, mut sums): (Vec<Vec<u8>>, Vec<Measured>) = Default::default();
        let values = match self.measure {
            Measure::Extent => Chosen::NONE,
            Measure::Tally(value) => Chosen::from_iter([value]),
        };
        let seen = Seen::of(self.tree.clone(), None).ok()?;
        let question = CellQuestion {
            seen: &seen,
            cells: &[range],
            values,
            is_of_table: false,
            user: Oid::INVALID,
            worth: f64::INFINITY,
        };
        let accept = |key: &[u8]| {
            let is_below = key.starts_with(&self.begin);
            if is_below {
                room(&mut keys, 1);
                keys.push(key.to_vec());
            }
            is_below
        };
        cells::read(question, accept, |series, _, contents| {
            let more = (series + 1).saturating_sub(sums.len());
            room(&mut sums, more);
            sums.extend((0..more).map(|_| Measured::NOTHING));
            match self.measure {
                Measure::Extent => sums[series].extent.merge(&contents.extent),
                Measure::Tally(value) => sums[series].tally.merge(&contents.tallies[value]),
            }
        })
        .ok()?;
        Some(heap::collect(keys.into_iter().zip(sums).map(|(key, measured)| SeriesBelow { key, measured })))
    }
}
