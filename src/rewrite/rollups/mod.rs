//! Grouped queries, answered from power trees.
//!
//! The analyst's own `SELECT date_trunc('hour', at), avg(price) … GROUP BY 1` gets a path of ours beside the planner's. The node
//! has the ordinary plan below it and decides when it runs: where the tree cannot be proved to have the same answer, the
//! ordinary plan answers.
//!
//! No expression is inverted. `shapes` traces what depends on time back to monotone carriers; between their steps, in the cells
//! that `slices` cuts, nothing changes, and PostgreSQL itself evaluates the query's own expressions once for each series and cell.

mod answer;
mod inquiry;
mod node;
mod question;
mod terms;

use crate::pg::execution::custom::register;
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::planning::planner::{Planner, Relation, Restriction};
use crate::pg::server::hook::Hook;
use crate::powertree::cells;
use crate::powertree::model::rights;
use crate::settings::{self, Answering};
use inquiry::found;
use node::path::{self, cheapest};
use node::Rollup;
use pgrx::pg_sys::{GroupPathExtraData, NodeTag, PlannerInfo, RangeTblEntry, RelOptInfo, UpperRelationKind};
use pgrx::{ereport, pg_guard, PgLogLevel, PgSqlErrorCode};
use question::source::{check, Source};
use question::{Grouping, Question};
use std::cell::OnceCell;
use std::ffi::c_void;
use terms::reason::Reason;

/// A function that offers ways to group.
type AddPaths = unsafe extern "C-unwind" fn(
    *mut PlannerInfo,
    UpperRelationKind::Type,
    *mut RelOptInfo,
    *mut RelOptInfo,
    *mut c_void,
);

// PostgreSQL defines the hook.
unsafe extern "C-unwind" {
    safe static create_upper_paths_hook: Hook<AddPaths>;
}

/// The hook that was there before ours.
static PREVIOUS: Hook<AddPaths> = Hook::none();

/// Enters the chain of hooks, and makes our plan node known; once, when the library is loaded.
pub fn install() {
    create_upper_paths_hook.chain(add_paths, &PREVIOUS);
    register::<Rollup>();
}

#[pg_guard]
unsafe extern "C-unwind" fn add_paths(
    root: *mut PlannerInfo,
    stage: UpperRelationKind::Type,
    input: *mut RelOptInfo,
    output: *mut RelOptInfo,
    extra: *mut c_void,
) {
    // SAFETY: the arguments are passed on as they came; all that the planner passes lives until it has planned the query.
    unsafe {
        if let Some(previous) = PREVIOUS.get() {
            previous(root, stage, input, output, extra);
        }
        if settings::answer_from_trees() == Answering::Off {
            return;
        }
        let relation = |one: *mut RelOptInfo| NodeRef::new(one.cast())?.cast::<RelOptInfo>();
        let (Some(planner), Some(input), Some(output)) =
            (Planner::new(root), relation(input), relation(output))
        else {
            return;
        };
        let results = || {
            let shown = cheapest(output.paths()).map(|path| (*path.pathtarget).exprs);
            shown.map_or(NodeList::default(), |shown| NodeList::new(shown))
        };
        let query = planner.query();
        let grouping = match stage {
            UpperRelationKind::UPPERREL_GROUP_AGG => Grouping {
                clauses: query.list(|query| &query.groupClause),
                results: results(),
                having: NodeList::new((*extra.cast::<GroupPathExtraData>()).havingQual.cast()),
                first_of: None,
            },
            UpperRelationKind::UPPERREL_DISTINCT => Grouping {
                clauses: query.list(|query| &query.distinctClause),
                results: results(),
                having: NodeList::default(),
                first_of: query.hasDistinctOn.then(|| query.list(|query| &query.sortClause)),
            },
            _ => return,
        };
        consider(planner, input, output, &grouping);
    }
}

/// Offers the answers of trees of the tables.
fn consider<'q>(planner: Planner<'q>, input: Relation<'q>, output: Relation<'q>, grouping: &Grouping<'q>) {
    if cells::inside() {
        return;
    }
    let is_asked = settings::tree_notices() || found::is_asked();
    let ordinary = OnceCell::new();
    let ordinary = || *ordinary.get_or_init(|| path::ordinary(planner, output));
    for (source, entry) in Source::all(planner, input) {
        if is_asked {
            for (tree, name) in cells::idle_trees_of(source.table) {
                found::note(tree, &name, &Err(Reason::Stale));
                report(&name, planner, entry, &Reason::Stale);
            }
        }
        let trees = cells::trees_of(source.table);
        // Nobody asks why a tree is left out that is not worth a thought.
        if trees.is_empty()
            || !is_asked
                && ordinary().is_none_or(|one| one.is_trivial() && !is_open(planner, source.relation))
        {
            continue;
        }
        let checked = check(planner, entry);
        for tree in &trees {
            let question =
                checked.clone().and_then(|()| Question::of(tree, &source, planner, input, grouping));
            let offered = question.and_then(|question| {
                let ordinary = ordinary().ok_or(Reason::Cost)?;
                // SAFETY: the question is about what is grouped here.
                unsafe { path::offer(&question, ordinary, input, output, grouping) }
            });
            found::note(tree.id, &tree.name, &offered);
            if let Err(reason) = offered {
                report(&tree.name, planner, entry, &reason);
            }
        }
    }
}

/// Whether the rows that a query wants of a table depend on parameters, so that the planner can only guess how many they are.
fn is_open(planner: Planner, relation: i32) -> bool {
    let conditions = planner.relation(relation).into_iter().flat_map(Relation::conditions);
    conditions.filter_map(Restriction::clause).any(|condition| condition.contains(NodeTag::T_Param))
}

/// Says why a query is not answered from a tree, where that is asked for. The reason may tell something of what the columns hold: only those
/// hear it who may read all that the query is about.
fn report<'q>(tree: &str, planner: Planner<'q>, entry: NodeRef<'q, RangeTblEntry>, reason: &Reason) {
    if settings::tree_notices() && rights::may_select_columns(entry.relid, &planner.selected(entry)) {
        let message = format!("power tree \"{tree}\" does not answer: {}", reason.text());
        ereport!(PgLogLevel::NOTICE, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message);
    }
}
