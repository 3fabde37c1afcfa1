//! Conditions on values, decided for whole cells.

use super::place::{Place, Places};
use crate::pg::scan_row::Expression;
use crate::pg::value::Value;
use crate::rewrite::rollups::question::value_conditions::ValueKind;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::rewrite::rollups::terms::results::extremes;
use pgrx::pg_sys::Datum;
use std::borrow::Cow;
use tally_stats::tree::{Contents, Extent};
use tally_stats::Tally;

/// A condition on a value, ready to be evaluated.
pub struct PreparedCondition {
    /// The place of the value in the tree.
    pub value: usize,
    /// The column of the scan for the value.
    pub column: usize,
    pub kind: ValueKind,
    pub bounds: Vec<Expression>,
}

/// All of them.
#[derive(Default)]
pub struct ValueConditions {
    pub all: Vec<PreparedCondition>,
    /// The only value that the query is about, besides the number of rows.
    pub alone: Option<usize>,
}

/// The rows of a cell that fulfil a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    None,
    /// Those that have the value at this place.
    With(usize),
    Without(usize),
}

impl ValueConditions {
    /// The contents of the rows of a cell that fulfil all conditions; None if no row does.
    pub fn choose<'c>(
        &self,
        places: &Places,
        place: Place,
        contents: &'c Contents,
    ) -> Result<Option<Cow<'c, Contents>>, Reason> {
        let mut chosen = Rows::All;
        for condition in &self.all {
            chosen = match (chosen, condition.rows(places, place, contents)?) {
                (Rows::All, rows) => rows,
                (rows, Rows::All) => rows,
                (rows, others) if rows == others => rows,
                (Rows::None, _) | (_, Rows::None) => Rows::None,
                (Rows::With(one), Rows::Without(other)) | (Rows::Without(one), Rows::With(other))
                    if one == other =>
                {
                    Rows::None
                }
                _ => return Err(condition.partial(places)),
            };
            if chosen == Rows::None {
                return Ok(None);
            }
        }
        let all = contents.extent.rows;
        match chosen {
            Rows::None => Ok(None),
            Rows::All => Ok(Some(Cow::Borrowed(contents))),
            Rows::With(value) if self.alone == Some(value) => {
                let extent = Extent { rows: contents.tallies[value].num_vals(), ..contents.extent };
                Ok(Some(Cow::Owned(Contents { extent, ..contents.clone() })))
            }
            Rows::Without(value) if self.alone == Some(value) => {
                let mut rest = contents.clone();
                rest.extent.rows = all - contents.tallies[value].num_vals();
                rest.tallies[value] = Tally::EMPTY;
                Ok(Some(Cow::Owned(rest)))
            }
            Rows::With(value) | Rows::Without(value) => Err(partial(places, value)),
        }
    }
}

impl PreparedCondition {
    fn rows(&self, places: &Places, place: Place, contents: &Contents) -> Result<Rows, Reason> {
        let tally = &contents.tallies[self.value];
        let (all, with) = (contents.extent.rows, tally.num_vals());
        let having = if with == all { Rows::All } else { Rows::With(self.value) };
        match self.kind {
            ValueKind::Absent if with == all => Ok(Rows::None),
            ValueKind::Absent if with == 0 => Ok(Rows::All),
            ValueKind::Absent => Ok(Rows::Without(self.value)),
            _ if with == 0 => Ok(Rows::None),
            ValueKind::Present => Ok(having),
            ValueKind::All | ValueKind::Any => {
                places.set_own(place);
                let held = self.held(places, tally).ok_or_else(|| self.partial(places))?;
                let (all_held, none_held) = match self.kind {
                    ValueKind::All => (held.iter().all(|held| *held == [true; 2]), held.contains(&[false; 2])),
                    _ => (held.contains(&[true; 2]), held.iter().all(|held| *held == [false; 2])),
                };
                match () {
                    () if all_held => Ok(having),
                    () if none_held => Ok(Rows::None),
                    () => Err(self.partial(places)),
                }
            }
        }
    }

    /// Whether each bound holds for the least and for the greatest value; None if these are not known to the last digit.
    fn held(&self, places: &Places, tally: &Tally) -> Option<Vec<[bool; 2]>> {
        let (column, _) = places.tree.values.get(self.value)?;
        let row = places.row;
        let held = |bound: &Expression| {
            let holds = |which: fn([Datum; 2]) -> Datum| {
                // The row forgets it with what is evaluated.
                let both = row.memory().within(|| extremes(column.type_oid, column.typmod, tally))?;
                // SAFETY: the extremes are of the type of the column.
                row.set(self.column, Some(unsafe { Value::new(column.type_oid, which(both)) }));
                Some(bound.holds())
            };
            Some([holds(|[least, _]| least)?, holds(|[_, greatest]| greatest)?])
        };
        let held = self.bounds.iter().map(held).collect();
        row.set(self.column, None);
        held
    }

    fn partial(&self, places: &Places) -> Reason {
        partial(places, self.value)
    }
}

/// The reason that only some rows fulfil a condition on a value.
fn partial(places: &Places, value: usize) -> Reason {
    let name = places.tree.values.get(value).map(|(column, _)| column.name.clone());
    Reason::Partial(name.unwrap_or_default())
}
