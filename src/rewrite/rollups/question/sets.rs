//! Grouping sets: several groupings of the same rows, as ROLLUP, CUBE and GROUPING SETS ask for them.

use super::Key;
use crate::pg::nodes::tree::{integers, NodeRef};
use crate::pg::planning::planner::Planner;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::GroupingFunc;

/// The groupings of a query, and what GROUPING() asks of them.
#[derive(Default)]
pub struct GroupingSets<'q> {
    /// The keys of each grouping, by their places; in any order, and more than once where the query has it so.
    pub all: Vec<Vec<usize>>,
    /// The calls of GROUPING(), each with the places of the keys that it asks about.
    pub calls: Vec<(NodeRef<'q, GroupingFunc>, Vec<usize>)>,
}

impl<'q> GroupingSets<'q> {
    /// Finds the grouping sets of a query with these keys; one with all of them if it has none. PostgreSQL has written the sets
    /// out by now.
    pub fn of(planner: Planner<'q>, keys: &[Key]) -> Understood<GroupingSets<'q>> {
        if planner.query().groupingSets.is_null() {
            return Ok(GroupingSets { all: vec![(0..keys.len()).collect()], calls: Vec::new() });
        }
        // Where a result shows one of two equal keys, or a constant, it does not say which set it is of.
        let is_unclear = |(place, key): (usize, &Key)| {
            key.shape == Shape::FREE || keys[..place].iter().any(|other| other.node.is_same(key.node))
        };
        if keys.iter().enumerate().any(is_unclear) {
            return Err(Reason::GroupingSets);
        }
        let sets = planner.query().list(|query| &query.groupingSets);
        Ok(GroupingSets { all: sets.slots().map(|set| places(keys, set)).collect(), calls: Vec::new() })
    }

    /// Adds a call of GROUPING() in the query that these are the sets of, given its keys.
    pub fn add(&mut self, call: NodeRef<'q, GroupingFunc>, keys: &[Key]) {
        if !self.calls.iter().any(|(known, _)| known.is_same(call)) {
            self.calls.push((call, places(keys, call.node(|call| &call.refs))));
        }
    }
}

/// The places of keys that a list of integers refers to; none of an empty list.
fn places(keys: &[Key], references: Option<NodeRef>) -> Vec<usize> {
    let references = references.into_iter().flat_map(integers);
    references.filter_map(|reference| keys.iter().position(|key| key.reference as i32 == reference)).collect()
}
