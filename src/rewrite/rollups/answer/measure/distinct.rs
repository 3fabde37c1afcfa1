//! Counts of different values.

use super::super::keys::{Combinations, GroupKey};
use super::super::place::{Place, Places};
use super::{grow, GroupMeasure};
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::rewrite::rollups::terms::results::Uncertified;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::Datum;
use std::collections::HashMap;
use tally_stats::tree::Contents;

/// The numbers of the values that each group has.
pub struct Distinct {
    values: Combinations,
    seen: HashMap<(u32, u32), ()>,
    counts: Vec<i64>,
    context: Region,
}

impl Distinct {
    pub fn new(key: GroupKey, shape: Shape, context: Region) -> Distinct {
        let values = Combinations::new(vec![key], shape);
        Distinct { values, seen: HashMap::new(), counts: Vec::new(), context }
    }
}

impl GroupMeasure for Distinct {
    fn make_room(&mut self, group: usize) {
        grow(&mut self.counts, group, 0);
    }

    fn add(&mut self, group: usize, places: &Places, place: Place, _: &Contents) {
        let number = self.values.number(places, place, self.context);
        if self.values.is_null(number) {
            return;
        }
        heap::room(&mut self.seen, 1);
        self.counts[group] += i64::from(self.seen.insert((group as u32, number), ()).is_none());
    }

    fn result(&self, group: usize) -> Result<Option<Datum>, Uncertified> {
        Ok(Some(self.counts[group].into()))
    }

    fn clear(&mut self) {
        self.seen.clear();
        self.counts.clear();
    }

    fn memory(&self) -> usize {
        self.seen.len() * size_of::<(u32, u32)>() + self.counts.len() * size_of::<i64>()
    }
}
