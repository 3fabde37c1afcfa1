//! Paths: the ways that the planner has found to answer a query, and what it thinks of them.

use super::planner::Relation;
use crate::pg::nodes::tree::NodeRef;
use pgrx::pg_sys::{self, NodeTag, Path, PathTarget, RelOptInfo};

/// The pages that an entry of a BRIN index is about, mostly.
pub const PAGES_OF_BRIN: f64 = 128.0;

/// A path with all below it.
#[derive(Clone, Copy)]
pub struct PathRef<'p>(NodeRef<'p, Path>);

/// An act of a path on what is below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// Reads a table from the first row to the last.
    Scan,
    /// Finds this share of a table's rows by an index.
    Find(f64),
    /// Reads this share of a table's pages, which indexes have found.
    Visit(f64),
    Group {
        keys: usize,
    },
    Join,
    /// Returns the rows of one after another, as of partitions.
    Append,
    Other,
}

impl<'p> PathRef<'p> {
    /// A path, which is what the planner's pointers to paths lead to.
    fn of(node: NodeRef<'p>) -> PathRef<'p> {
        // SAFETY: only this file calls it, with what pointers to paths lead to: all kinds of them begin alike.
        PathRef(unsafe { node.assumed() })
    }

    /// The cost to the last row, in the planner's units.
    pub fn cost(self) -> f64 {
        self.0.total_cost
    }

    /// The rows that it returns, in each of its processes.
    pub fn rows(self) -> f64 {
        self.0.rows
    }

    /// The rows and pages of the table that is read.
    pub fn table(self) -> (f64, f64) {
        let table = self.0.node(|path| &path.parent).and_then(NodeRef::cast::<RelOptInfo>);
        table.map_or((0.0, 0.0), |table| (table.tuples, f64::from(table.pages)))
    }

    /// The number of processes that share the work, of which the first has other work too.
    pub fn processes(self) -> f64 {
        let workers = f64::from(self.0.parallel_workers);
        if self.0.parallel_aware && workers > 0.0 {
            workers + (1.0 - 0.3 * workers).max(0.0)
        } else {
            1.0
        }
    }

    /// The cost of the expressions of a row, in the planner's units.
    pub fn cost_of_expressions(self) -> f64 {
        let target = self.0.node(|path| &path.pathtarget).and_then(NodeRef::cast::<PathTarget>);
        target.map_or(0.0, |target| target.cost.per_tuple)
    }

    /// Whether it takes a single row from the end of an index.
    pub fn is_probe(self) -> bool {
        self.0.type_ == NodeTag::T_MinMaxAggPath
    }

    pub fn act(self) -> Act {
        let node = self.0.untyped();
        if let Some(path) = node.cast::<pg_sys::IndexPath>() {
            return Act::Find(path.indexselectivity);
        }
        if let Some(path) = node.cast::<pg_sys::BitmapHeapPath>() {
            let (_, pages) = self.table();
            return path.node(|path| &path.bitmapqual).map_or(Act::Other, |by| visit(by, pages));
        }
        if let Some(path) = node.cast::<pg_sys::AggPath>() {
            return Act::Group { keys: path.list(|path| &path.groupClause).iter().count() };
        }
        if let Some(path) = node.cast::<pg_sys::GroupPath>() {
            return Act::Group { keys: path.list(|path| &path.groupClause).iter().count() };
        }
        match node.tag() {
            NodeTag::T_Path if self.0.pathtype == NodeTag::T_SeqScan => Act::Scan,
            NodeTag::T_NestPath | NodeTag::T_HashPath | NodeTag::T_MergePath => Act::Join,
            NodeTag::T_AppendPath => Act::Append,
            _ => Act::Other,
        }
    }

    /// The paths below it; none of a kind that is not known.
    pub fn below(self) -> Vec<PathRef<'p>> {
        let node = self.0.untyped();
        macro_rules! only {
            ($($type:ident)*) => { $(
                if let Some(path) = node.cast::<pg_sys::$type>() {
                    return path.node(|path| &path.subpath).map(PathRef::of).into_iter().collect();
                }
            )* };
        }
        macro_rules! all {
            ($($type:ident)*) => { $(
                if let Some(path) = node.cast::<pg_sys::$type>() {
                    return path.list(|path| &path.subpaths).iter().map(PathRef::of).collect();
                }
            )* };
        }
        macro_rules! both {
            ($($type:ident)*) => { $(
                if let Some(path) = node.cast::<pg_sys::$type>() {
                    let sides = [
                        path.node(|path| &path.jpath.outerjoinpath),
                        path.node(|path| &path.jpath.innerjoinpath),
                    ];
                    return sides.into_iter().flatten().map(PathRef::of).collect();
                }
            )* };
        }
        only! { AggPath GroupPath GroupingSetsPath SortPath GatherPath GatherMergePath ProjectionPath UpperUniquePath MaterialPath SubqueryScanPath }
        if let Some(path) = node.cast::<pg_sys::IncrementalSortPath>() {
            return path.node(|path| &path.spath.subpath).map(PathRef::of).into_iter().collect();
        }
        all! { AppendPath MergeAppendPath }
        both! { HashPath MergePath NestPath }
        Vec::new()
    }
}

impl Relation<'_> {
    /// Looks at the cheapest path of a table or a join, which the planner has chosen; None if there is none yet.
    pub fn look_at_best<R>(self, look: impl FnOnce(PathRef) -> R) -> Option<R> {
        // SAFETY: a path of the planner's, or null; it cannot be kept, and looking offers no path that could take its place.
        unsafe { NodeRef::new(self.cheapest_total_path.cast()) }.map(PathRef::of).map(look)
    }

    /// Looks at the cheapest path that was offered so far; None if there is none.
    pub fn look_at_cheapest<R>(self, look: impl FnOnce(PathRef) -> R) -> Option<R> {
        // SAFETY: none of the paths can be kept, and looking offers no path that could take the place of one.
        let paths = unsafe { self.paths() }.map(PathRef);
        paths.min_by(|one, other| one.cost().total_cmp(&other.cost())).map(look)
    }
}

/// The share of this many pages that indexes find, given the condition of a bitmap scan.
fn visit(condition: NodeRef, pages: f64) -> Act {
    if let Some(path) = condition.cast::<pg_sys::IndexPath>() {
        let index = path.node(|path| &path.indexinfo).and_then(NodeRef::cast::<pg_sys::IndexOptInfo>);
        let is_brin = index.is_some_and(|index| index.relam == pg_sys::BRIN_AM_OID);
        let least = if is_brin { (PAGES_OF_BRIN / pages.max(1.0)).min(1.0) } else { 0.0 };
        return Act::Visit(path.indexselectivity.max(least));
    }
    let by_all = condition.cast::<pg_sys::BitmapAndPath>().map(|path| path.bitmapselectivity);
    let by_any = || condition.cast::<pg_sys::BitmapOrPath>().map(|path| path.bitmapselectivity);
    by_all.or_else(by_any).map_or(Act::Other, Act::Visit)
}
