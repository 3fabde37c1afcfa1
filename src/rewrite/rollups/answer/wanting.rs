//! Aggregates that a plan wants, and where each has its result from.

use crate::pg::nodes::tree::NodeRef;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::question::aggregate::Subject;
use crate::rewrite::rollups::question::gathering::Gathering;
use crate::rewrite::rollups::question::operand::Operand;
use crate::rewrite::rollups::terms::results::{extreme_of_positions, Statistic, Wanted};
use pgrx::pg_sys::{Aggref, Oid};

/// An aggregate that is wanted.
#[derive(Clone, Copy)]
pub struct Wanting {
    pub of: Origin,
    pub filter: Option<usize>,
}

/// The source of an aggregate.
#[derive(Clone, Copy)]
pub enum Origin {
    Rows,
    /// Rows that do not have the value of the tree at this place.
    Missing(usize),
    /// The positions of rows, of which it is an extreme.
    Positions(Statistic),
    /// The tally of the value of the tree at this place.
    Value(usize, Wanted),
    /// The operand at this place, by the collation of the aggregate.
    Operand(usize, Gathering, Oid),
}

impl Wanting {
    /// An aggregate of the plan; None if the tree is not the one that it was planned with.
    pub fn of(
        aggregate: NodeRef<Aggref>,
        tree: &Tree,
        operands: &[Operand],
        argument: Subject,
        filter: Option<usize>,
    ) -> Option<Wanting> {
        let function = aggregate.aggfnoid;
        let of = match argument {
            Subject::Rows => Origin::Rows,
            Subject::Missing(value) => Origin::Missing(value),
            Subject::Position => Origin::Positions(extreme_of_positions(function)?),
            Subject::Value(value) => {
                let column = &tree.values.get(value)?.0;
                Origin::Value(value, Wanted::of(function, Some((column.type_oid, column.typmod)))?)
            }
            Subject::Operand(place) => {
                let way = Gathering::of(aggregate, operands.get(place)?, tree)?;
                Origin::Operand(place, way, aggregate.inputcollid)
            }
        };
        Some(Wanting { of, filter })
    }

    /// Whether the result has the same bytes as PostgreSQL's own.
    pub fn is_exact(&self) -> bool {
        match &self.of {
            Origin::Value(_, wanted) | Origin::Operand(_, Gathering::Tallied(wanted), _) => wanted.is_exact(),
            Origin::Rows | Origin::Missing(_) | Origin::Positions(_) | Origin::Operand(..) => true,
        }
    }
}
