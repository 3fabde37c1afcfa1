//! Aggregates of what series and time decide: evaluated once for each cell of a series, for all of its rows.

mod computed;
mod distinct;
mod extreme;
mod tallied;

use super::keys::GroupKey;
use super::place::{Place, Places};
use crate::pg::execution::scan_row::Expression;
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::question::gathering::Gathering;
use crate::rewrite::rollups::question::operand::Operand;
use crate::rewrite::rollups::terms::results::Uncertified;
use crate::rewrite::rollups::terms::shape::Shape;
use distinct::Distinct;
use extreme::Extreme;
use pgrx::pg_sys::{Datum, Oid};
use tallied::NumbersTallied;
use tally_stats::tree::Contents;

/// A state that an aggregate gathers for each group.
pub trait GroupMeasure {
    /// Makes room for a group.
    fn make_room(&mut self, group: usize);
    /// Adds the rows of a cell of a series to a group.
    fn add(&mut self, group: usize, places: &Places, place: Place, contents: &Contents);
    /// The result of a group; None is NULL.
    fn result(&self, group: usize) -> Result<Option<Datum>, Uncertified>;
    /// Forgets all groups.
    fn clear(&mut self);
    /// Bytes in use, apart from those in the memory context.
    fn memory(&self) -> usize;
}

/// Makes room for the group of this number.
fn grow<T: Clone>(groups: &mut Vec<T>, group: usize, empty: T) {
    let more = (group + 1).saturating_sub(groups.len());
    heap::room(groups, more);
    groups.resize(groups.len() + more, empty);
}

/// The ingredients of a measure.
pub struct Ingredients<'a> {
    pub tree: &'a Tree,
    /// The expressions of all operands.
    pub arguments: &'a [(Expression, Shape)],
    pub collation: Oid,
    /// The memory of the answer.
    pub context: Region,
}

/// A measure without any groups yet.
pub fn new(way: Gathering, operand: &Operand, ingredients: &Ingredients) -> Box<dyn GroupMeasure> {
    let Ingredients { arguments, collation, context, .. } = *ingredients;
    let argument = operand.expression().and_then(|place| arguments.get(place));
    match (way, argument) {
        (Gathering::Extreme(operator), Some(&(expression, shape))) => {
            Box::new(Extreme::new(operator, collation, expression, shape, context))
        }
        (Gathering::Distinct(equality), Some(&(expression, shape))) => {
            let key = GroupKey::new(expression, shape, equality, collation, context);
            Box::new(Distinct::new(key, shape, context))
        }
        (Gathering::Tallied(wanted), _) => Box::new(NumbersTallied::new(wanted, operand, ingredients)),
        _ => crate::pg::server::error::defect("an aggregate of an expression has one"),
    }
}
