//! The cost of an answer from a tree, beside that of the ordinary plan.
//!
//! The planner does not know how wide the cells of a query are. Where the ordinary plan is long, the tree is offered for what it may cost at
//! best: the node knows the cells, and leaves the answer to the table after all if that takes less. Where the ordinary plan is short, finding
//! that out would take too much of its time. Whether the range of the query cuts leaves, whose rows the table must tell, is known mostly.

use super::{ordinary, range};
use crate::pg::planning::path::PathRef;
use crate::pg::planning::planner::{Planner, Relation};
use crate::pg::server::costs::{costs, Costs};
use crate::powertree::cells::{work, Outlook};
use crate::rewrite::rollups::answer::worth::Worth;
use crate::rewrite::rollups::question::ends::EndExpression;
use crate::rewrite::rollups::question::joins::Dimension;
use crate::rewrite::rollups::question::lookup::LookupSource;
use crate::rewrite::rollups::question::Question;
use crate::rewrite::rollups::terms::join::JoinKind;

// In the unit of `work`: the time in which PostgreSQL reads a row and passes it to an aggregate.
/// An ordinary plan that is short.
const SHORT: f64 = 30_000.0;
/// An ordinary plan that reads a row or two, although the planner may guess too few.
const PROBE: f64 = 700.0;
/// Buckets that a leaf makes.
const BUCKETS: f64 = 0.1;
/// A row that is looked up at the end of a group.
const SPOT: f64 = 50.0;
/// A row that is read to be joined, and one that is kept without a match.
const JOINED_ROW: f64 = 3.0;
const KEPT_ROW: f64 = 10.0;
/// The members of an array, of which the planner does not know the number.
const MEMBERS: f64 = 10.0;

/// An offer to the planner.
pub struct Offer {
    /// The cost in the planner's units.
    pub cost: f64,
    pub worth: Worth,
}

/// The ordinary plan of what is grouped.
#[derive(Clone, Copy)]
pub struct Ordinary {
    /// The cost in the planner's units, and the rows that it returns.
    cost: f64,
    rows: f64,
    aggregates: usize,
    /// The work that it takes if the planner is right about its rows.
    work: f64,
    costs: Costs,
}

impl Ordinary {
    pub fn of(planner: Planner, path: PathRef) -> Ordinary {
        let (aggregates, costs) = (planner.num_aggregates(), costs());
        let work = ordinary::work(path, aggregates, costs);
        Ordinary { cost: path.cost(), rows: path.rows(), aggregates, work, costs }
    }

    /// Whether the plan takes less than what a tree takes before it has read anything.
    pub fn is_trivial(&self) -> bool {
        self.work < work::BEGIN
    }
}

/// Returns what the tree is offered for, for a question about this input; None if the ordinary plan is cheaper.
pub fn of<'q>(question: &Question<'q>, input: Relation<'q>, ordinary: Ordinary) -> Option<Offer> {
    let table = question.shapes.planner.relation(question.relation)?;
    let planned = Planned { question, table, ordinary, joined_rows: input.rows };
    let worth = if question.is_open() {
        // PostgreSQL guesses a short range for ends that are not known yet: the node decides when it runs.
        if ordinary.cost < PROBE * ordinary.costs.row {
            return None;
        }
        let (once, each_row) = table.look_at_best(|path| ordinary::of_table(path, ordinary.costs))?;
        Worth { once, each_row: each_row + ordinary::of_row(ordinary.aggregates, question.keys.len()) }
    } else {
        Worth { once: ordinary.work, each_row: 0.0 }
    };
    if !question.is_open() && ordinary.is_trivial() {
        return None;
    }
    let work = planned.least_work();
    let is_worth = question.is_open() || work < worth.once;
    let cost = (work * ordinary.costs.row).min(ordinary.cost * 0.9);
    is_worth.then_some(Offer { cost, worth })
}

/// The relations of a query, as the planner sees them.
struct Planned<'a, 'q> {
    question: &'a Question<'q>,
    table: Relation<'q>,
    ordinary: Ordinary,
    joined_rows: f64,
}

impl Planned<'_, '_> {
    /// The work of the tree: what it takes at best, or what is usual where the ordinary plan is short.
    fn least_work(&self) -> f64 {
        let Planned { question, table, ordinary, .. } = *self;
        let tree = question.tree;
        let outlook = Outlook::of(tree);
        let estimate = outlook.estimate;
        let share = (table.rows / (estimate.rows as f64).max(1.0)).clamp(0.0, 1.0);
        let leaves = estimate.leaves * share;
        let dimensions = &question.joins.dimensions;
        // Only what is joined is read, of an inner join.
        let is_chosen = dimensions.iter().any(|one| one.kind.is_inner());
        let chosen = if is_chosen { (self.joined_rows / table.rows.max(1.0)).clamp(0.0, 1.0) } else { 1.0 };
        let expected = (!question.is_open()).then(|| range::expected(question));
        let nodes = outlook.forecast(tree, expected, self.named(), chosen);
        let joined = |one: &Dimension| one.path.total_cost / ordinary.costs.row + one.path.rows * JOINED_ROW;
        let joined: f64 = dimensions.iter().map(joined).sum();
        let gaps = dimensions.iter().filter(|one| one.kind == JoinKind::Gaps);
        let kept: f64 = gaps.map(|one| one.path.rows * KEPT_ROW).sum();
        let by_time = !question.shapes.carriers.is_empty();
        // PostgreSQL takes every position for a group of its own, where buckets are mostly wider than leaves.
        let ends = if by_time { ordinary.rows.min(leaves * BUCKETS) } else { ordinary.rows };
        let spots = ends * EndExpression::count(&question.ends) as f64 * SPOT;
        let is_short = !question.is_open() && ordinary.work < SHORT;
        let cells = if is_short && by_time {
            let series = self.named().unwrap_or(estimate.series as f64 * chosen);
            work::leaves(leaves * chosen, series, tree.values.len())
        } else {
            0.0
        };
        nodes + spots + joined + kept + cells
    }

    /// The number of series that the query names; None if it does not name them.
    fn named(&self) -> Option<f64> {
        let lookups = &self.question.lookups;
        let values = lookups.iter().map(|lookup| match lookup.source {
            LookupSource::One => 1.0,
            LookupSource::Array => MEMBERS,
            LookupSource::Rows(place) => {
                self.question.joins.dimensions.get(place).map_or(1.0, |one| one.path.rows)
            }
        });
        (!lookups.is_empty()).then(|| values.product())
    }
}
