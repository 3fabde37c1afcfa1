//! Statistics of numbers, of which some follow from values of the tree and some are the same for all rows of a cell.

use super::super::place::{Place, Places};
use super::computed::{ComputedOperand, OperandNumbers};
use super::{grow, GroupMeasure, Ingredients};
use crate::rewrite::rollups::question::operand::Operand;
use crate::rewrite::rollups::terms::results::{self, Uncertified, Wanted};
use pgrx::pg_sys::Datum;
use tally_stats::tree::Contents;

/// The numbers of each group.
pub struct NumbersTallied {
    wanted: Wanted,
    operand: ComputedOperand,
    groups: Vec<OperandNumbers>,
    /// The reason why some numbers are not known.
    uncertain: Option<Uncertified>,
}

impl NumbersTallied {
    pub fn new(wanted: Wanted, operand: &Operand, ingredients: &Ingredients) -> NumbersTallied {
        let operand = ComputedOperand::new(operand, ingredients);
        NumbersTallied { wanted, operand, groups: Vec::new(), uncertain: None }
    }
}

impl GroupMeasure for NumbersTallied {
    fn make_room(&mut self, group: usize) {
        grow(&mut self.groups, group, OperandNumbers::NONE);
    }

    fn add(&mut self, group: usize, places: &Places, place: Place, contents: &Contents) {
        match self.operand.numbers(places, place, contents, contents.extent.rows) {
            Ok(numbers) => self.groups[group].merge(&numbers),
            Err(reason) => self.uncertain = Some(reason),
        }
    }

    fn result(&self, group: usize) -> Result<Option<Datum>, Uncertified> {
        if let Some(reason) = self.uncertain {
            return Err(reason);
        }
        let OperandNumbers { tally, scale, shown } = self.groups[group];
        results::value(&self.wanted.with_scales(scale, shown), 0, &tally)
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn memory(&self) -> usize {
        self.groups.len() * size_of::<OperandNumbers>()
    }
}
