//! Aggregates of a query, as far as a tally has their results.

use super::casts::{bare, below_rounding};
use super::gathering::{arguments, Gathering};
use super::operand::Operands;
use super::presence::{self, Presence};
use super::shapes::Shapes;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::lookup::function_name;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::results::{extreme_of_positions, Statistic, Wanted};
use crate::rewrite::rollups::terms::shape::Shape;
use crate::settings::{self, Answering};
use pgrx::pg_sys::{self, Aggref, Var};

/// An aggregate that is understood.
pub struct Aggregate<'q> {
    pub node: NodeRef<'q, Aggref>,
    pub argument: Subject,
    /// The place of the condition among all; None without FILTER.
    pub filter: Option<usize>,
}

/// The thing that an aggregate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Rows, whatever they hold.
    Rows,
    /// The positions of rows.
    Position,
    /// The value of the tree at this place.
    Value(usize),
    /// The operand at this place.
    Operand(usize),
    /// Rows that do not have the value of the tree at this place.
    Missing(usize),
}

impl Subject {
    /// Returns the argument as numbers in a plan.
    pub fn numbers(self) -> [i32; 2] {
        match self {
            Subject::Rows => [0, 0],
            Subject::Position => [1, 0],
            Subject::Value(place) => [2, place as i32],
            Subject::Operand(place) => [3, place as i32],
            Subject::Missing(place) => [4, place as i32],
        }
    }

    pub fn from_numbers(kind: i32, place: i32) -> Subject {
        match kind {
            1 => Subject::Position,
            2 => Subject::Value(place as usize),
            3 => Subject::Operand(place as usize),
            4 => Subject::Missing(place as usize),
            _ => Subject::Rows,
        }
    }
}

/// The aggregates of a query, their arguments and conditions, each once.
#[derive(Default)]
pub struct Aggregates<'q> {
    pub all: Vec<Aggregate<'q>>,
    pub operands: Operands<'q>,
    pub filters: Vec<(NodeRef<'q>, Shape)>,
}

impl<'q> Aggregates<'q> {
    /// Adds an aggregate of the query that the shapes are about.
    pub fn add(
        &mut self,
        node: NodeRef<'q, Aggref>,
        shapes: &mut Shapes<'q>,
        tree: &Tree,
        not_null: &[i16],
    ) -> Understood<()> {
        if self.all.iter().any(|known| known.node.is_same(node)) {
            return Ok(());
        }
        let not_ours = || Reason::Aggregate(aggregate_name(node));
        let is_plain = node.aggkind as u8 == b'n'
            && node.aggsplit == pg_sys::AggSplit::AGGSPLIT_SIMPLE
            && node.agglevelsup == 0
            && !node.aggvariadic
            && node.aggdirectargs.is_null()
            && node.aggorder.is_null();
        if !is_plain {
            return Err(not_ours());
        }
        let mut arguments = arguments(node).map(|argument| shapes.plain(argument));
        let argument = match (arguments.next(), arguments.next()) {
            (_, Some(_)) => return Err(not_ours()),
            (Some(argument), None) => Some(argument),
            (None, None) => None,
        };
        let mut argument = match argument {
            Some(argument) => self.argument(argument, node, shapes, tree, not_null)?,
            None => Subject::Rows,
        };
        let is_computed = match argument {
            Subject::Operand(place) => !self.operands.all[place].values().is_empty(),
            _ => false,
        };
        let not_answered = || if is_computed { Reason::Argument(aggregate_name(node)) } else { not_ours() };
        if !self.is_exact(node, argument, tree).ok_or_else(not_answered)?
            && settings::answer_from_trees() == Answering::Exact
        {
            return Err(Reason::Inexact(aggregate_name(node)));
        }
        let table = (shapes.relation, tree);
        let filter = node.node(|node| &node.aggfilter).map(|filter| shapes.plain(filter));
        // `count(*) FILTER (WHERE price IS NOT NULL)` is the number of prices.
        let is_granted = |wanted| match (argument, wanted) {
            (Subject::Rows, Presence::Present(value)) => {
                argument = Subject::Value(value);
                true
            }
            (Subject::Rows, Presence::Absent(value)) => {
                argument = Subject::Missing(value);
                true
            }
            (Subject::Value(value), Presence::Present(wanted)) => value == wanted,
            _ => false,
        };
        let filter = filter.and_then(|filter| presence::without(filter, is_granted, shapes.planner, table));
        let filter = filter.map(|filter| self.filter(filter, shapes)).transpose()?;
        self.all.push(Aggregate { node, argument, filter });
        Ok(())
    }

    fn argument(
        &mut self,
        node: NodeRef<'q>,
        aggregate: NodeRef<'q, Aggref>,
        shapes: &mut Shapes<'q>,
        tree: &Tree,
        not_null: &[i16],
    ) -> Understood<Subject> {
        let (planner, relation, has_gaps) = (shapes.planner, shapes.relation, shapes.has_gaps);
        let column = |node: NodeRef<'q>| node.cast::<Var>().filter(|column| column.varno == relation);
        let value = |node: NodeRef<'q>| {
            let column = column(node);
            tree.values.iter().position(|(known, _)| match column {
                Some(column) => known.number == column.varattno,
                // A stored column with the values of the expression is as good, unless there is no row.
                None if has_gaps => false,
                None => planner
                    .generation_of(tree.base, known.number, relation)
                    .is_some_and(|generation| generation.is_same(node)),
            })
        };
        if let Some(value) = value(bare(node)).or_else(|| value(below_rounding(node)?)) {
            return Ok(Subject::Value(value));
        }
        let is_constant = node.is_constant();
        let inner = column(bare(node)).filter(|column| not_null.contains(&column.varattno));
        let counts = aggregate.aggfnoid.to_u32() == COUNT && aggregate.aggdistinct.is_null();
        match inner {
            Some(column) if counts && has_gaps => {
                let at = &tree.at;
                let presence = planner.presence(column, at.number, at.type_oid, at.typmod);
                return self.operands.add(presence, shapes, &value).map(Subject::Operand);
            }
            inner if counts && (is_constant || inner.is_some()) => return Ok(Subject::Rows),
            _ => {}
        }
        if column(node).is_some_and(|column| column.varattno == tree.at.number) {
            return Ok(Subject::Position);
        }
        // What is of the series too is the same for all rows of a cell.
        let is_of_series =
            |column: NodeRef<Var>| tree.series.iter().any(|key| key.column.number == column.varattno);
        let value = |node: NodeRef<'q>| value(node).filter(|_| !column(node).is_some_and(is_of_series));
        match self.operands.add(node, shapes, &value) {
            Ok(place) => Ok(Subject::Operand(place)),
            Err(Reason::Column(_) | Reason::Continuous) => Err(Reason::Argument(aggregate_name(aggregate))),
            Err(reason) => Err(reason),
        }
    }

    /// Whether the result has the same bytes as PostgreSQL's own; None if there is none to be had.
    fn is_exact(&self, aggregate: NodeRef<Aggref>, argument: Subject, tree: &Tree) -> Option<bool> {
        let function = aggregate.aggfnoid;
        let has_duplicates = aggregate.aggdistinct.is_null();
        match argument {
            Subject::Rows | Subject::Missing(_) => {
                Wanted::of(function, None).filter(|_| has_duplicates).map(|_| true)
            }
            Subject::Position => extreme_of_positions(function).map(|_| true),
            Subject::Value(value) => {
                let column = &tree.values.get(value)?.0;
                let wanted = Wanted::of(function, Some((column.type_oid, column.typmod)))?;
                let is_extreme = matches!(wanted.statistic, Statistic::Min | Statistic::Max);
                (has_duplicates || is_extreme).then(|| wanted.is_exact())
            }
            Subject::Operand(place) => match Gathering::of(aggregate, self.operands.all.get(place)?, tree)? {
                Gathering::Tallied(wanted) => Some(wanted.is_exact()),
                Gathering::Extreme(_) | Gathering::Distinct(_) => Some(true),
            },
        }
    }

    /// The place of a condition of an aggregate of the query among all.
    pub fn filter(&mut self, filter: NodeRef<'q>, shapes: &mut Shapes<'q>) -> Understood<usize> {
        if let Some(known) = self.filters.iter().position(|(known, _)| known.is_same(filter)) {
            return Ok(known);
        }
        let shape = shapes.stepped(filter)?;
        self.filters.push((filter, shape));
        Ok(self.filters.len() - 1)
    }
}

/// `count(x)`
const COUNT: u32 = 2147;

/// The name of an aggregate, for a reason.
fn aggregate_name(aggregate: NodeRef<Aggref>) -> String {
    format!("{}()", function_name(aggregate.aggfnoid).unwrap_or_default())
}
