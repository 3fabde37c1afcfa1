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

use crate::pg::custom::register;
use crate::powertree::cells;
use crate::powertree::model::rights;
use crate::settings::{self, Answering};
use inquiry::found;
use node::path::{self, cheapest};
use node::Rollup;
use pgrx::pg_sys::{self, Oid, PlannerInfo, RelOptInfo, UpperRelationKind};
use pgrx::{ereport, pg_guard, PgLogLevel, PgSqlErrorCode};
use question::source::{check, Source};
use question::{Grouping, Question};
use std::ffi::c_void;
use terms::reason::Reason;

/// The hook that was there before ours.
static mut PREVIOUS: pg_sys::create_upper_paths_hook_type = None;

/// Enters the chain of hooks, and makes our plan node known; once, when the library is loaded.
pub fn install() {
    // SAFETY: only called from `_PG_init`, while nothing else runs in this backend.
    unsafe {
        PREVIOUS = pg_sys::create_upper_paths_hook;
        pg_sys::create_upper_paths_hook = Some(add_paths);
    }
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
    // SAFETY: the arguments are passed on as they came.
    unsafe {
        if let Some(previous) = PREVIOUS {
            previous(root, stage, input, output, extra);
        }
        let query = (*root).parse;
        let results = || cheapest(output).map_or(std::ptr::null_mut(), |path| (*(*path).pathtarget).exprs);
        let first_of = || (*query).hasDistinctOn.then_some((*query).sortClause);
        let (clauses, having, first_of) = match stage {
            UpperRelationKind::UPPERREL_GROUP_AGG => {
                let having = (*extra.cast::<pg_sys::GroupPathExtraData>()).havingQual.cast();
                ((*query).groupClause, having, None)
            }
            UpperRelationKind::UPPERREL_DISTINCT => {
                ((*query).distinctClause, std::ptr::null_mut(), first_of())
            }
            _ => return,
        };
        if settings::answer_from_trees() != Answering::Off {
            consider(root, input, output, &Grouping { clauses, results: results(), having, first_of });
        }
    }
}

/// Offers the answers of trees of the tables.
unsafe fn consider(
    root: *mut PlannerInfo,
    input: *mut RelOptInfo,
    output: *mut RelOptInfo,
    grouping: &Grouping,
) {
    // SAFETY: the planner passes the query that it is planning, and the relations of it.
    unsafe {
        if cells::inside() {
            return;
        }
        for (source, entry) in Source::all(root, input) {
            if settings::tree_notices() || found::is_asked() {
                for (tree, name) in cells::idle_trees_of(source.table) {
                    found::note(tree, &name, &Err(Reason::Stale));
                    report(&name, source.table, &Reason::Stale);
                }
            }
            let trees = cells::trees_of(source.table);
            if trees.is_empty() {
                continue;
            }
            let checked = check(root, entry);
            for tree in &trees {
                let question =
                    checked.clone().and_then(|()| Question::of(tree, &source, root, input, grouping));
                let offered =
                    question.and_then(|question| path::offer(&question, root, input, output, grouping));
                found::note(tree.id, &tree.name, &offered);
                if let Err(reason) = offered {
                    report(&tree.name, tree.base, &reason);
                }
            }
        }
    }
}

/// Says why a query is not answered from a tree, where that is asked for, to those who may know of the tree.
fn report(tree: &str, table: Oid, reason: &Reason) {
    if settings::tree_notices() && rights::may_select_any(table) {
        let message = format!("power tree \"{tree}\" does not answer: {}", reason.text());
        ereport!(PgLogLevel::NOTICE, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message);
    }
}
