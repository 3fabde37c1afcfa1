//! Extremes of values of any type, in the order of an operator.

use super::super::place::{Known, Place, Places};
use super::super::row::Expression;
use super::{grow, GroupMeasure};
use crate::rewrite::rollups::terms::results::Uncertified;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{self, Datum, FmgrInfo, MemoryContext, Oid};
use tally_stats::tree::Contents;

/// The value of each group that comes first.
pub struct Extreme {
    comes_before: FmgrInfo,
    collation: Oid,
    expression: Expression,
    known: Known<Option<Datum>>,
    best: Vec<Option<Best>>,
    context: MemoryContext,
}

#[derive(Clone, Copy)]
struct Best {
    value: Datum,
    /// Whether there is an equal one that is displayed in another way: the order of rows decides which it is.
    is_ambiguous: bool,
}

impl Extreme {
    pub fn new(
        operator: Oid,
        collation: Oid,
        expression: Expression,
        shape: Shape,
        context: MemoryContext,
    ) -> Extreme {
        let mut comes_before = FmgrInfo::default();
        // SAFETY: PostgreSQL looks the operator's function up, and keeps what it knows of it in the context.
        unsafe { pg_sys::fmgr_info_cxt(pg_sys::get_opcode(operator), &mut comes_before, context) };
        Extreme { comes_before, collation, expression, known: Known::new(shape), best: Vec::new(), context }
    }

    fn comes_before(&mut self, one: Datum, other: Datum) -> bool {
        // SAFETY: the function is that of the type, which has values of it.
        let answer = unsafe { pg_sys::FunctionCall2Coll(&mut self.comes_before, self.collation, one, other) };
        answer.value() != 0
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
            expression.copied(places.row, context)
        });
        let Some(value) = value else { return };
        let best = self.best[group];
        self.best[group] = match best {
            Some(best) if !self.comes_before(value, best.value) => {
                let is_other =
                    !self.comes_before(best.value, value) && !expression.is_alike(value, best.value);
                Some(Best { is_ambiguous: best.is_ambiguous || is_other, ..best })
            }
            _ => Some(Best { value, is_ambiguous: false }),
        };
    }

    fn result(&self, group: usize) -> Result<Option<Datum>, Uncertified> {
        match self.best[group] {
            Some(Best { is_ambiguous: true, .. }) => Err(Uncertified::Extreme),
            best => Ok(best.map(|best| best.value)),
        }
    }

    fn clear(&mut self) {
        self.best.clear();
    }

    fn memory(&self) -> usize {
        self.best.len() * size_of::<Option<Best>>()
    }
}
