//! The cost of an answer from a tree, beside that of the ordinary plan.
//!
//! The planner knows neither how wide the cells of a query are nor whether its range cuts leaves. Where the ordinary plan is long, the tree is
//! offered for what it may cost at best: the node knows the cells, and leaves the answer to the table after all if that takes less. Where the
//! ordinary plan is short, finding that out would take too much of its time.

use crate::pg::costs::{costs, Costs};
use crate::powertree::cells::{self, work, Estimate};
use crate::rewrite::rollups::answer::worth::Worth;
use crate::rewrite::rollups::question::ends::EndExpression;
use crate::rewrite::rollups::question::lookup::LookupSource;
use crate::rewrite::rollups::question::Question;
use crate::rewrite::rollups::terms::join::JoinKind;
use pgrx::pg_sys::{NodeTag, Path, PlannerInfo, RelOptInfo};

// In the unit of `work`: the time in which PostgreSQL reads a row and passes it to an aggregate.
/// An ordinary plan that is short.
const SHORT: f64 = 30_000.0;
/// A row that a scan returns, and what each aggregate and each key of its group take.
const ROW: f64 = 0.7;
const AGGREGATE: f64 = 0.2;
const KEY: f64 = 1.5;
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

/// The relations of a query, as the planner sees them.
struct Planned<'a> {
    question: &'a Question<'a>,
    table: &'a RelOptInfo,
    /// Whether the table is read from the first row to the last.
    is_scanned: bool,
    joined_rows: f64,
    groups: f64,
    /// The cost of the ordinary plan in the planner's units.
    ordinary: f64,
    costs: Costs,
}

/// Returns what the tree is offered for; None if the ordinary plan is cheaper.
///
/// # Safety
/// What is grouped in the query that is being planned, and its cheapest ordinary path.
pub unsafe fn of(
    question: &Question,
    root: *mut PlannerInfo,
    input: *mut RelOptInfo,
    ordinary: *mut Path,
) -> Option<Offer> {
    // SAFETY: the caller's relations and path.
    let planned = unsafe {
        let table = &**(*root).simple_rel_array.add(question.relation as usize);
        let scan = table.cheapest_total_path.as_ref();
        Planned {
            question,
            table,
            is_scanned: scan.is_some_and(|path| path.pathtype == NodeTag::T_SeqScan),
            joined_rows: (*input).rows,
            groups: (*ordinary).rows,
            ordinary: (*ordinary).total_cost,
            costs: costs(),
        }
    };
    if planned.ordinary < work::BEGIN * planned.costs.row {
        return None;
    }
    let worth = planned.worth();
    // PostgreSQL guesses a short range for ends that are not known yet: the node decides when it runs.
    let is_worth = |work: f64| question.is_open() || work < worth.once;
    let is_short = !question.is_open() && worth.once < SHORT;
    let has_ends = is_short && !question.shapes.comparisons.is_empty();
    // Mostly there is no need to look at the tree.
    if !is_worth(work::BEGIN + if has_ends { work::QUERY } else { 0.0 }) {
        return None;
    }
    let at_best = planned.least_work(is_short);
    if !is_worth(at_best) {
        return None;
    }
    Some(Offer { cost: (at_best * planned.costs.row).min(planned.ordinary * 0.9), worth })
}

impl Planned<'_> {
    /// The work of the ordinary plan.
    fn worth(&self) -> Worth {
        let aggregates = self.question.aggregates.all.len() as f64;
        let each_row = ROW + AGGREGATE * aggregates + KEY * self.question.keys.len() as f64;
        let pages = f64::from(self.table.pages);
        let scan = if self.is_scanned { work::scan(self.table.tuples, pages) } else { 0.0 };
        if self.question.is_open() {
            return Worth { once: scan, each_row };
        }
        // The planner's costs are those of disks.
        let planned = (self.ordinary - self.costs.saved(pages)) / self.costs.row;
        Worth { once: planned.max(scan + self.table.rows * each_row), each_row: 0.0 }
    }

    /// The work of the tree: what it takes at best, or what is usual where the ordinary plan is short.
    fn least_work(&self, is_short: bool) -> f64 {
        let Planned { question, table, .. } = *self;
        let tree = question.tree;
        let (values, estimate) = (tree.values.len(), cells::estimate(tree));
        let Estimate { series, leaves, log_rows, .. } = estimate;
        let share = if table.tuples > 0.0 { (table.rows / table.tuples).clamp(0.0, 1.0) } else { 1.0 };
        let (all, leaves) = (series as f64, leaves * share);
        let dimensions = &question.joins.dimensions;
        // Only what is joined is read, of an inner join.
        let is_chosen = dimensions.iter().any(|one| one.kind.is_inner());
        let chosen = if is_chosen { (self.joined_rows / table.rows.max(1.0)).clamp(0.0, 1.0) } else { 1.0 };
        let series = self.named().map_or(all * chosen, |named| named.min(all));
        let met =
            if self.named().is_some() { series * (work::FOUND + work::LOOK_UP) } else { all * work::MET };
        let joined: f64 = dimensions
            .iter()
            .map(|one| one.path.total_cost / self.costs.row + one.path.rows * JOINED_ROW)
            .sum();
        let gaps = dimensions.iter().filter(|one| one.kind == JoinKind::Gaps);
        let kept: f64 = gaps.map(|one| one.path.rows * KEPT_ROW).sum();
        let by_time = !question.shapes.carriers.is_empty();
        // PostgreSQL takes every position for a group of its own, where buckets are mostly wider than leaves.
        let ends = if by_time { self.groups.min(leaves * BUCKETS) } else { self.groups };
        let spots = ends * EndExpression::count(&question.ends) as f64 * SPOT;
        let log = log_rows as f64 * share * work::LOG_ROW;
        let at_best = work::BEGIN
            + met
            + work::one_block_each(series.min(leaves), values)
            + log
            + spots
            + joined
            + kept;
        if !is_short {
            return at_best;
        }
        let cells = if by_time { work::leaves(leaves * chosen, series, values) } else { 0.0 };
        let is_range = !question.shapes.comparisons.is_empty();
        let ends_of_range =
            if is_range { work::QUERY + series * 2.0 * (work::LOOK_UP + work::PIECE) } else { 0.0 };
        at_best + cells + ends_of_range
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
