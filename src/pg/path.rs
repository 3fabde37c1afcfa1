//! Paths: the ways that the planner has found to answer a query, and what it thinks of them.

use super::list::items;
use super::planner::Relation;
use pgrx::pg_sys::{self, NodeTag, Path, RelOptInfo};

/// A path with all below it.
#[derive(Clone, Copy)]
pub struct PathRef<'p>(&'p Path);

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
    /// A path; None for a null pointer.
    ///
    /// # Safety
    /// The planner has made the path, and for `'p` frees neither it nor what is below it.
    unsafe fn new(path: *mut Path) -> Option<PathRef<'p>> {
        // SAFETY: the caller's path, or null.
        unsafe { path.as_ref() }.map(PathRef)
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
        // SAFETY: the path's relation lives as long as the path.
        let RelOptInfo { tuples, pages, .. } = unsafe { &*self.0.parent };
        (*tuples, f64::from(*pages))
    }

    /// The number of processes that share the work, of which the first has other work too.
    pub fn processes(self) -> f64 {
        let workers = f64::from(self.0.parallel_workers);
        let leader = if self.0.parallel_aware { (1.0 - 0.3 * workers).max(0.0) } else { 1.0 };
        if self.0.parallel_aware && workers > 0.0 {
            workers + leader
        } else {
            1.0
        }
    }

    /// The cost of the expressions of a row, in the planner's units.
    pub fn cost_of_expressions(self) -> f64 {
        // SAFETY: the planner has given the path a target before it offered it.
        unsafe { (*self.0.pathtarget).cost.per_tuple }
    }

    /// Whether it takes a single row from the end of an index.
    pub fn is_probe(self) -> bool {
        self.0.type_ == NodeTag::T_MinMaxAggPath
    }

    pub fn act(self) -> Act {
        let (path, tag) = (&raw const *self.0, self.0.type_);
        // SAFETY: the tag says which structure the path is.
        unsafe {
            match tag {
                NodeTag::T_Path if self.0.pathtype == NodeTag::T_SeqScan => Act::Scan,
                NodeTag::T_IndexPath => Act::Find((*path.cast::<pg_sys::IndexPath>()).indexselectivity),
                NodeTag::T_BitmapHeapPath => found((*path.cast::<pg_sys::BitmapHeapPath>()).bitmapqual),
                NodeTag::T_AggPath => {
                    let keys = (*path.cast::<pg_sys::AggPath>()).groupClause;
                    Act::Group { keys: items::<()>(keys).count() }
                }
                NodeTag::T_GroupPath => {
                    let keys = (*path.cast::<pg_sys::GroupPath>()).groupClause;
                    Act::Group { keys: items::<()>(keys).count() }
                }
                NodeTag::T_NestPath | NodeTag::T_HashPath | NodeTag::T_MergePath => Act::Join,
                NodeTag::T_AppendPath => Act::Append,
                _ => Act::Other,
            }
        }
    }

    /// The paths below it; none of a kind that is not known.
    pub fn below(self) -> Vec<PathRef<'p>> {
        let path = &raw const *self.0;
        macro_rules! only {
            ($type:ident) => {
                vec![(*path.cast::<pg_sys::$type>()).subpath]
            };
        }
        // SAFETY: the tag says which structure the path is; what it points to lives as long.
        unsafe {
            let below: Vec<*mut Path> = match self.0.type_ {
                NodeTag::T_AggPath => only!(AggPath),
                NodeTag::T_GroupPath => only!(GroupPath),
                NodeTag::T_GroupingSetsPath => only!(GroupingSetsPath),
                NodeTag::T_SortPath | NodeTag::T_IncrementalSortPath => only!(SortPath),
                NodeTag::T_GatherPath => only!(GatherPath),
                NodeTag::T_GatherMergePath => only!(GatherMergePath),
                NodeTag::T_ProjectionPath => only!(ProjectionPath),
                NodeTag::T_UpperUniquePath => only!(UpperUniquePath),
                NodeTag::T_MaterialPath => only!(MaterialPath),
                NodeTag::T_SubqueryScanPath => only!(SubqueryScanPath),
                NodeTag::T_AppendPath => items((*path.cast::<pg_sys::AppendPath>()).subpaths).collect(),
                NodeTag::T_MergeAppendPath => {
                    items((*path.cast::<pg_sys::MergeAppendPath>()).subpaths).collect()
                }
                NodeTag::T_HashPath | NodeTag::T_MergePath | NodeTag::T_NestPath => {
                    // All kinds of joins begin alike.
                    let join = &*path.cast::<pg_sys::JoinPath>();
                    vec![join.outerjoinpath, join.innerjoinpath]
                }
                _ => Vec::new(),
            };
            below.into_iter().filter_map(|path| PathRef::new(path)).collect()
        }
    }
}

impl Relation<'_> {
    /// Looks at the cheapest path of a table or a join, which the planner has chosen; None if there is none yet.
    pub fn look_at_best<R>(self, look: impl FnOnce(PathRef) -> R) -> Option<R> {
        // SAFETY: what is looked at cannot be kept, and looking offers no path that could take the place of another.
        unsafe { PathRef::new(self.cheapest_total_path) }.map(look)
    }

    /// Looks at the cheapest path that was offered so far; None if there is none.
    pub fn look_at_cheapest<R>(self, look: impl FnOnce(PathRef) -> R) -> Option<R> {
        // SAFETY: the list has paths as members, none of which is freed while they are looked at.
        let paths = unsafe { items::<Path>(self.pathlist).filter_map(|path| PathRef::new(path)) };
        paths.min_by(|one, other| one.cost().total_cmp(&other.cost())).map(look)
    }
}

/// The share of rows that indexes find.
///
/// # Safety
/// The condition of a bitmap scan.
unsafe fn found(path: *mut Path) -> Act {
    // SAFETY: the tag says which structure the caller's path is.
    unsafe {
        match (*path).type_ {
            NodeTag::T_IndexPath => Act::Visit((*path.cast::<pg_sys::IndexPath>()).indexselectivity),
            NodeTag::T_BitmapAndPath => Act::Visit((*path.cast::<pg_sys::BitmapAndPath>()).bitmapselectivity),
            NodeTag::T_BitmapOrPath => Act::Visit((*path.cast::<pg_sys::BitmapOrPath>()).bitmapselectivity),
            _ => Act::Other,
        }
    }
}
