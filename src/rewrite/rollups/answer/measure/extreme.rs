//! Extremes of values of any type, in the order of an operator.

use super::super::place::{Known, Place, Places};
use super::{grow, GroupMeasure};
use crate::pg::execution::scan_row::Expression;
use crate::pg::memory::region::Region;
use crate::pg::values::kept_function::Comparing;
use crate::pg::values::value::Value;
use crate::rewrite::rollups::terms::results::Uncertified;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{Datum, Oid};
use tally_stats::tree::Contents;

/// The value of each group that comes first.
pub struct Extreme {
    precedes: Comparing,
    expression: Expression,
    known: Known<Option<Value>>,
    best: Vec<Option<Best>>,
    context: Region,
}

#[derive(Clone, Copy)]
struct Best {
    value: Value,
    /// Whether there is an equal one that is displayed in another way: the order of rows decides which it is.
    is_ambiguous: bool,
}

impl Extreme {
    pub fn new(
        operator: Oid,
        collation: Oid,
        expression: Expression,
        shape: Shape,
        context: Region,
    ) -> Extreme {
        let precedes = Comparing::of(operator, collation, expression.type_oid(), context);
        Extreme { precedes, expression, known: Known::new(shape), best: Vec::new(), context }
    }
}

impl GroupMeasure for Extreme {
    fn make_room(&mut self, group: usize) {
        grow(&mut self.best, group, None);
    }

    fn add(&mut self, group: usize, places: &Places, place: Place, _: &Contents) {
        let (expression, context) = (self.expression, self.context);
        let value = self.known.at(place, || {
            places.set(place);
            expression.copied(context)
        });
        let Some(value) = value else { return };
        let best = self.best[group];
        self.best[group] = match best {
            Some(best) if !self.precedes.holds(value, best.value) => {
                let is_other =
                    !self.precedes.holds(best.value, value) && !expression.is_alike(value, best.value);
                Some(Best { is_ambiguous: best.is_ambiguous || is_other, ..best })
            }
            _ => Some(Best { value, is_ambiguous: false }),
        };
    }

    fn result(&self, group: usize) -> Result<Option<Datum>, Uncertified> {
        match self.best[group] {
            Some(Best { is_ambiguous: true, .. }) => Err(Uncertified::Extreme),
            best => Ok(best.map(|best| best.value.datum())),
        }
    }

    fn clear(&mut self) {
        self.best.clear();
    }

    fn memory(&self) -> usize {
        self.best.len() * size_of::<Option<Best>>()
    }
}
