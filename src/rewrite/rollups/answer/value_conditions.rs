//! Conditions on values, decided for whole cells.

use super::place::{Place, Places};
use crate::pg::execution::scan_row::Expression;
use crate::pg::values::value::Value;
use crate::rewrite::rollups::question::value_conditions::ConditionKind;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::rewrite::rollups::terms::results::extremes;
use std::borrow::Cow;
use tally_stats::tree::{Contents, Extent};
use tally_stats::Tally;

/// A condition on a value, ready to be evaluated.
pub struct PreparedCondition {
    /// The place of the value in the tree.
    pub value: usize,
    /// The column of the scan for the value.
    pub column: usize,
    pub kind: ConditionKind,
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
enum ChosenRows {
    All,
    None,
    /// Rows that have the value at this place.
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
        let mut chosen = ChosenRows::All;
        for condition in &self.all {
            chosen = match (chosen, condition.rows(places, place, contents)?) {
                (ChosenRows::All, rows) => rows,
                (rows, ChosenRows::All) => rows,
                (rows, others) if rows == others => rows,
                (ChosenRows::None, _) | (_, ChosenRows::None) => ChosenRows::None,
                (ChosenRows::With(one), ChosenRows::Without(other))
                | (ChosenRows::Without(one), ChosenRows::With(other))
                    if one == other =>
                {
                    ChosenRows::None
                }
                _ => return Err(condition.partial(places)),
            };
            if chosen == ChosenRows::None {
                return Ok(None);
            }
        }
        let all = contents.extent.rows;
        match chosen {
            ChosenRows::None => Ok(None),
            ChosenRows::All => Ok(Some(Cow::Borrowed(contents))),
            ChosenRows::With(value) if self.alone == Some(value) => {
                let extent = Extent { rows: contents.tallies[value].num_vals(), ..contents.extent };
                Ok(Some(Cow::Owned(Contents { extent, ..contents.clone() })))
            }
            ChosenRows::Without(value) if self.alone == Some(value) => {
                let mut rest = contents.clone();
                rest.extent.rows = all - contents.tallies[value].num_vals();
                rest.tallies[value] = Tally::EMPTY;
                Ok(Some(Cow::Owned(rest)))
            }
            ChosenRows::With(value) | ChosenRows::Without(value) => Err(partial(places, value)),
        }
    }
}

impl PreparedCondition {
    fn rows(&self, places: &Places, place: Place, contents: &Contents) -> Result<ChosenRows, Reason> {
        let tally = &contents.tallies[self.value];
        let (all, with) = (contents.extent.rows, tally.num_vals());
        let having = if with == all { ChosenRows::All } else { ChosenRows::With(self.value) };
        match self.kind {
            ConditionKind::Absent if with == all => Ok(ChosenRows::None),
            ConditionKind::Absent if with == 0 => Ok(ChosenRows::All),
            ConditionKind::Absent => Ok(ChosenRows::Without(self.value)),
            _ if with == 0 => Ok(ChosenRows::None),
            ConditionKind::Present => Ok(having),
            ConditionKind::All | ConditionKind::Any => {
                places.set_own(place);
                let held = self.held(places, tally).ok_or_else(|| self.partial(places))?;
                let (all_held, none_held) = match self.kind {
                    ConditionKind::All => {
                        (held.iter().all(|held| *held == [true; 2]), held.contains(&[false; 2]))
                    }
                    _ => (held.contains(&[true; 2]), held.iter().all(|held| *held == [false; 2])),
                };
                match () {
                    () if all_held => Ok(having),
                    () if none_held => Ok(ChosenRows::None),
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
            let holds = |which: fn([Value; 2]) -> Value| {
                // The row forgets it with what is evaluated.
                let both = row.memory().within(|| extremes(column.type_oid, column.typmod, tally))?;
                row.set(self.column, Some(which(both)));
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
