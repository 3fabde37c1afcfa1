//! Grouping sets: several groupings of the same rows, as ROLLUP, CUBE and GROUPING SETS ask for them.

use super::Key;
use crate::pg::expression::{contains, same};
use crate::pg::list::{integers, items};
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{GroupingFunc, List, Node, NodeTag, PlannerInfo};

/// The groupings of a query, and what GROUPING() asks of them.
#[derive(Default)]
pub struct GroupingSets {
    /// The keys of each grouping, by their places; in any order, and more than once where the query has it so.
    pub all: Vec<Vec<usize>>,
    /// The calls of GROUPING(), each with the places of the keys that it asks about.
    pub calls: Vec<(*mut Node, Vec<usize>)>,
}

impl GroupingSets {
    /// Finds the grouping sets of a query; one with all keys if it has none.
    ///
    /// # Safety
    /// The query that is being planned, whose sets PostgreSQL has written out by now, and its keys.
    pub unsafe fn of(root: *mut PlannerInfo, keys: &[Key]) -> Understood<GroupingSets> {
        // SAFETY: the caller's query, whose sets are lists of integers.
        unsafe {
            let sets = (*(*root).parse).groupingSets;
            if sets.is_null() {
                return Ok(GroupingSets { all: vec![(0..keys.len()).collect()], calls: Vec::new() });
            }
            // Where a result shows one of two equal keys, or a constant, it does not say which set it is of. Of a placeholder,
            // in which an expression of a view is kept together, PostgreSQL would take what the result shows for what it is made of.
            let is_unclear = |(place, key): (usize, &Key)| {
                key.shape == Shape::FREE
                    || contains(key.shown, NodeTag::T_PlaceHolderVar)
                    || keys[..place].iter().any(|other| same(other.node, key.node))
            };
            if keys.iter().enumerate().any(is_unclear) {
                return Err(Reason::GroupingSets);
            }
            let all = items::<List>(sets).map(|set| places(keys, set)).collect();
            Ok(GroupingSets { all, calls: Vec::new() })
        }
    }

    /// Adds a call of GROUPING().
    ///
    /// # Safety
    /// A call in the query that these are the sets of, and its keys.
    pub unsafe fn add(&mut self, call: *mut GroupingFunc, keys: &[Key]) {
        // SAFETY: the caller's call, which has a list of integers.
        unsafe {
            if !self.calls.iter().any(|(known, _)| same(*known, call)) {
                self.calls.push((call.cast(), places(keys, (*call).refs)));
            }
        }
    }
}

/// The places of keys that a list of integers refers to.
unsafe fn places(keys: &[Key], references: *mut List) -> Vec<usize> {
    // SAFETY: the caller passes a list of integers.
    let references = unsafe { integers(references) };
    references.filter_map(|reference| keys.iter().position(|key| key.reference as i32 == reference)).collect()
}

/// Takes the mark of grouping sets off an expression of a result: below the grouping nothing has made it NULL.
///
/// # Safety
/// The query that is being planned, and an expression of it.
pub unsafe fn below_grouping(_root: *mut PlannerInfo, node: *mut Node) -> *mut Node {
    #[cfg(feature = "pg18")]
    // SAFETY: the caller's query and expression; PostgreSQL returns a copy.
    return unsafe {
        if (*_root).group_rtindex == 0 {
            return node;
        }
        let mark = pgrx::pg_sys::bms_make_singleton((*_root).group_rtindex);
        pgrx::pg_sys::remove_nulling_relids(node, mark, std::ptr::null())
    };
    #[cfg(not(feature = "pg18"))]
    return node;
}
