//! The path that the planner may choose, and the plan that becomes of it.

use super::cost::{self, Offer, Ordinary};
use super::lay_out::{lay_out, scan, Lists};
use super::layout::PlanLayout;
use super::Rollup;
use crate::pg::execution::custom::{offered, CustomNode, Methods};
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::planning::planner::{Planner, Relation};
use crate::pg::server::error::defect;
use crate::pg::values::value;
use crate::rewrite::rollups::inquiry::found;
use crate::rewrite::rollups::question::{Grouping, Question};
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_guard;
use pgrx::pg_sys::{self, CustomPath, CustomPathMethods, List, NodeTag, Path, Plan, PlannerInfo, RelOptInfo};
use std::ptr::null_mut;

static METHODS: Methods<CustomPathMethods> = offered(Rollup::NAME, plan);

/// The ordinary plan of what is grouped; None if it is a single probe of an index, which is what we could do at best.
pub fn ordinary(planner: Planner, output: Relation) -> Option<Ordinary> {
    output.look_at_cheapest(|path| (!path.is_probe()).then(|| Ordinary::of(planner, path)))?
}

/// Offers the planner to answer a question from its tree, unless the ordinary plan is cheaper.
///
/// # Safety
/// The question is about this grouped relation of the query that is being planned, and so is the ordinary plan.
pub unsafe fn offer<'q>(
    question: &Question<'q>,
    ordinary: Ordinary,
    input: Relation<'q>,
    output: Relation<'q>,
    grouping: &Grouping,
) -> Understood<()> {
    // SAFETY: the caller's query; the new nodes are in the memory of the planner. The cheapest path is copied before another is offered.
    unsafe {
        let planner = question.shapes.planner;
        let (root, output, cheapest) =
            (planner.pointer(), output.pointer(), cheapest(output.paths()).ok_or(Reason::Cost)?);
        let Offer { cost: total, worth } = cost::of(question, input, ordinary).ok_or(Reason::Cost)?;
        let nodes = question.aggregates.all.iter().map(|aggregate| aggregate.node.untyped());
        let Lists { expressions, numbers, ends, shown } = lay_out(question, worth)?;
        let private = [expressions, numbers, ends, shown, planner.list(nodes), grouping.having];

        let mut path = pgrx::PgBox::<CustomPath>::alloc_node(NodeTag::T_CustomPath);
        path.path.pathtype = NodeTag::T_CustomScan;
        path.path.parent = output;
        path.path.pathtarget = cheapest.pathtarget;
        path.path.rows = cheapest.rows;
        path.path.startup_cost = total;
        path.path.total_cost = total;
        let joined = question.joins.dimensions.iter().map(|dimension| dimension.path.pointer());
        path.custom_paths = joined
            .chain([copied(cheapest.untyped()).ok_or(Reason::Cost)?])
            .fold(null_mut(), |all, path| pg_sys::lappend(all, path.cast()));
        path.custom_private = planner.lists(private.into_iter().map(NodeList::node)).pointer();
        path.methods = METHODS.table();
        // Plans are made anew when trees come or go.
        let glob = (*root).glob;
        (*glob).relationOids =
            pg_sys::lappend_oid((*glob).relationOids, crate::powertree::cells::definitions());
        pg_sys::add_path(output, path.into_pg().cast());
        Ok(())
    }
}

/// The cheapest of some paths.
pub fn cheapest<'q>(paths: impl Iterator<Item = NodeRef<'q, Path>>) -> Option<NodeRef<'q, Path>> {
    paths.min_by(|one, other| one.total_cost.total_cmp(&other.total_cost))
}

/// Copies a path that groups, since the planner frees those that cost more than another; None of an unknown kind. The parts that it
/// points to are not freed with it.
fn copied(path: NodeRef) -> Option<*mut Path> {
    macro_rules! one_of {
        ($($kind:ident)*) => { $(
            if let Some(path) = path.cast::<pg_sys::$kind>() {
                return Some(value::copied(*path).cast_mut_ptr());
            }
        )* };
    }
    one_of! { AggPath GroupingSetsPath GroupPath UpperUniquePath GatherPath GatherMergePath AppendPath MergeAppendPath }
    one_of! { ProjectionPath GroupResultPath ForeignPath CustomPath }
    None
}

/// Makes the plan of a path that was chosen.
#[pg_guard]
unsafe extern "C-unwind" fn plan(
    root: *mut PlannerInfo,
    _relation: *mut RelOptInfo,
    path: *mut CustomPath,
    targets: *mut List,
    _clauses: *mut List,
    plans: *mut List,
) -> *mut Plan {
    // SAFETY: the path is one of `offer`; PostgreSQL passes the plan made of the path below it.
    unsafe {
        let planner = Planner::new(root).unwrap_or_else(|| defect("a plan of no query"));
        let parts: Vec<NodeList> = NodeList::new((*path).custom_private)
            .slots()
            .map(|part| part.map(NodeList::of).unwrap_or_default())
            .collect();
        let [expressions, numbers, ends, shown, aggregates, having] = parts[..] else {
            defect("a path of another kind");
        };
        let lists = Lists { expressions, numbers, ends, shown };
        let (targets, plans) = (NodeList::new(targets), NodeList::new(plans));
        let scan = scan(planner, &lists, aggregates, (targets, having), plans);
        found::note_chosen(PlanLayout::of(scan).tree());
        let scan = scan.pointer();
        (*scan).flags = (*path).flags;
        (*scan).methods = Rollup::PLAN.table();
        scan.cast()
    }
}
