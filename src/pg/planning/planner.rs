//! The query that is being planned: its relations, joins and conditions.

use crate::pg::memory::region::Region;
use crate::pg::nodes::made::{Made, MadeList};
use crate::pg::nodes::relids::{NewSet, Relids};
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use pgrx::pg_sys::{
    EquivalenceClass, FirstLowInvalidHeapAttributeNumber, JoinType, NullTestType, Oid, Path, PlannerGlobal,
    PlannerInfo, Query, RangeTblEntry, RelOptInfo, RestrictInfo, SpecialJoinInfo,
};
use std::ptr::slice_from_raw_parts;

/// A query that PostgreSQL's planner is planning for `'q`.
#[derive(Clone, Copy)]
pub struct Planner<'q> {
    root: NodeRef<'q, PlannerInfo>,
    query: NodeRef<'q, Query>,
    /// Both by number.
    relations: &'q [Option<Relation<'q>>],
    entries: &'q [Option<NodeRef<'q, RangeTblEntry>>],
    /// Lives as long as the query is planned.
    memory: Region,
}

/// A relation of the query: a table, a join, or what is grouped.
pub type Relation<'q> = NodeRef<'q, RelOptInfo>;

/// A condition, with what the planner knows of it.
pub type Restriction<'q> = NodeRef<'q, RestrictInfo>;

/// A join other than an inner one.
pub type SpecialJoin<'q> = NodeRef<'q, SpecialJoinInfo>;

// PostgreSQL defines these functions with these arguments. They look things up in the query, or return what is new, and raise errors.
unsafe extern "C-unwind" {
    safe fn pull_varnos(root: NodeRef<PlannerInfo>, expression: NodeRef) -> NewSet;
    safe fn nulltestsel(
        root: NodeRef<PlannerInfo>,
        test: NullTestType::Type,
        column: NodeRef,
        relation: i32,
        join: JoinType::Type,
        special: Option<SpecialJoin>,
    ) -> f64;
    safe fn clause_selectivity(
        root: NodeRef<PlannerInfo>,
        condition: NodeRef,
        relation: i32,
        join: JoinType::Type,
        special: Option<SpecialJoin>,
    ) -> f64;
    safe fn estimate_expression_value<'q>(
        root: NodeRef<'q, PlannerInfo>,
        expression: NodeRef<'q>,
    ) -> Made<'q>;
    safe fn find_join_rel<'q>(root: NodeRef<'q, PlannerInfo>, members: Relids) -> Option<Relation<'q>>;
    safe fn generate_join_implied_equalities<'q>(
        root: NodeRef<'q, PlannerInfo>,
        both: NewSet,
        outer: Relids<'q>,
        inner: Relation<'q>,
        #[cfg(not(feature = "pg15"))] join: Option<SpecialJoin<'q>>,
    ) -> MadeList<'q>;
    #[cfg(not(feature = "pg15"))]
    safe fn getRTEPermissionInfo<'q>(
        all: NodeList<'q>,
        entry: NodeRef<RangeTblEntry>,
    ) -> NodeRef<'q, pgrx::pg_sys::RTEPermissionInfo>;
}

impl<'q> Planner<'q> {
    /// The query; None for a null pointer.
    ///
    /// # Safety
    /// The planner runs for `'q`, and has joined the relations of the query.
    pub unsafe fn new(root: *mut PlannerInfo) -> Option<Planner<'q>> {
        // SAFETY: the caller's query; both arrays are null or have as many places, with nodes of their kinds or null, to which
        // references are as C sees them.
        unsafe {
            let root: NodeRef<PlannerInfo> = NodeRef::new(root.cast())?.cast()?;
            let query = root.node(|root| &root.parse)?.cast()?;
            let count = root.simple_rel_array_size as usize;
            let (relations, entries) = (
                slice_from_raw_parts(root.simple_rel_array.cast(), count).as_ref(),
                slice_from_raw_parts(root.simple_rte_array.cast(), count).as_ref(),
            );
            let (relations, entries) = (relations.unwrap_or_default(), entries.unwrap_or_default());
            Some(Planner { root, query, relations, entries, memory: Region::new(root.planner_cxt) })
        }
    }

    /// The expressions that the query returns and sorts by.
    pub fn targets(self) -> NodeList<'q> {
        self.root.list(|root| &root.processed_tlist)
    }

    /// The classes of what is equal.
    pub fn classes(self) -> impl Iterator<Item = NodeRef<'q, EquivalenceClass>> {
        self.root.list(|root| &root.eq_classes).all()
    }

    /// The joins other than inner ones.
    pub fn special_joins(self) -> impl Iterator<Item = SpecialJoin<'q>> {
        self.root.list(|root| &root.join_info_list).all()
    }

    /// The parsed query.
    pub fn query(self) -> NodeRef<'q, Query> {
        self.query
    }

    /// Whether a subquery of the statement that has a plan of its own may return something else each time.
    pub fn has_volatile_subplans(self) -> bool {
        let all = self.root.node(|root| &root.glob).and_then(NodeRef::cast::<PlannerGlobal>);
        let all = all.map(|all| all.list(|all| &all.subroots)).unwrap_or_default();
        let queries = all.all::<PlannerInfo>().filter_map(|root| root.node(|root| &root.parse));
        queries.into_iter().any(NodeRef::is_volatile)
    }

    /// Makes a node in the memory of the planner, which lives as long as the query is planned. The function can be copied, and so
    /// brings no node that was made elsewhere.
    pub(in crate::pg) fn made<T>(self, make: impl FnOnce() -> Made<'q, T> + Copy) -> NodeRef<'q, T> {
        self.made_if(|| Some(make())).unwrap_or_else(|| defect("a node was not made"))
    }

    /// Makes a list likewise; None if it is empty.
    pub(in crate::pg) fn made_list(self, make: impl FnOnce() -> MadeList<'q> + Copy) -> Option<NodeRef<'q>> {
        self.made_if(|| make().whole())
    }

    /// Makes a node likewise, if it is to be made.
    fn made_if<T>(self, make: impl FnOnce() -> Option<Made<'q, T>> + Copy) -> Option<NodeRef<'q, T>> {
        let made = self.memory.within(make)?;
        // SAFETY: the memory lives as long as the query is planned, and so do the node or list that is made in it, and its parts.
        Some(unsafe { NodeRef::at(made.place()) })
    }

    /// The query for functions of PostgreSQL.
    pub fn pointer(self) -> *mut PlannerInfo {
        self.root.pointer()
    }

    /// An expression as the planner expects it to be when the query runs: a constant, if that can be told.
    pub fn expected(self, expression: NodeRef<'q>) -> NodeRef<'q> {
        self.made(|| caught(|| estimate_expression_value(self.root, expression)))
    }

    /// The number of different aggregates of the query.
    pub fn num_aggregates(self) -> usize {
        self.root.length(|root| &root.agginfos)
    }

    /// The base relation of this number; None if there is none, or it is a join.
    pub fn relation(self, number: i32) -> Option<Relation<'q>> {
        *self.relations.get(usize::try_from(number).ok()?)?
    }

    /// The table, subquery or function of this number.
    pub fn entry(self, number: i32) -> Option<NodeRef<'q, RangeTblEntry>> {
        *self.entries.get(usize::try_from(number).ok()?)?
    }

    /// The base relations in a set, which may have outer joins too.
    pub fn bases(self, set: Relids) -> Vec<i32> {
        set.members().filter(|&member| self.relation(member).is_some()).collect()
    }

    /// The base relations that an expression refers to.
    pub fn bases_of(self, expression: NodeRef) -> Vec<i32> {
        self.bases(caught(|| pull_varnos(self.root, expression)).look())
    }

    /// The relation that the planner has made of these by joining them; None if it has made none.
    pub fn joined(self, members: &[i32]) -> Option<Relation<'q>> {
        let members = NewSet::of(members);
        caught(|| find_join_rel(self.root, members.look()))
    }

    /// Comparisons that follow from others, one side of a table, the other of what it is joined with.
    pub fn implied(self, table: Relation<'q>, other: Relation<'q>) -> impl Iterator<Item = Restriction<'q>> {
        let has = |number: i32| (number as usize) < self.relations.len();
        if ![table, other].iter().all(|one| one.relids(|one| &one.relids).members().all(has)) {
            defect("a relation of another query");
        }
        let [one, two] = [table, other].map(|one| one.relids(|one| &one.relids));
        let list = self.made_list(|| {
            let both = NewSet::union(one, two);
            caught(|| {
                generate_join_implied_equalities(
                    self.root,
                    both,
                    one,
                    other,
                    #[cfg(not(feature = "pg15"))]
                    None,
                )
            })
        });
        list.map(NodeList::of).unwrap_or_default().all()
    }

    /// The user whose rights on a table are checked; INVALID for the current one.
    #[cfg(feature = "pg15")]
    pub fn checked_as(self, entry: NodeRef<RangeTblEntry>) -> Oid {
        entry.checkAsUser
    }

    /// The user whose rights on a table are checked; INVALID for the current one.
    #[cfg(not(feature = "pg15"))]
    pub fn checked_as(self, entry: NodeRef<RangeTblEntry>) -> Oid {
        self.permissions(entry).checkAsUser
    }

    /// The columns of a table that the query selects, by their numbers; 0 is the whole row.
    pub fn selected(self, entry: NodeRef<'q, RangeTblEntry>) -> Vec<i16> {
        #[cfg(feature = "pg15")]
        let columns = entry.relids(|entry| &entry.selectedCols);
        #[cfg(not(feature = "pg15"))]
        let columns = self.permissions(entry).relids(|info| &info.selectedCols);
        columns.members().map(|member| (member + FirstLowInvalidHeapAttributeNumber) as i16).collect()
    }

    #[cfg(not(feature = "pg15"))]
    fn permissions(self, entry: NodeRef<RangeTblEntry>) -> NodeRef<'q, pgrx::pg_sys::RTEPermissionInfo> {
        let all = self.query.list(|query| &query.rteperminfos);
        caught(|| getRTEPermissionInfo(all, entry))
    }

    /// The number of the step that groups in sets of relations; 0 if there is none.
    #[cfg(feature = "pg18")]
    pub fn grouping(self) -> i32 {
        self.root.group_rtindex
    }
}

impl Planner<'_> {
    /// The share of the rows of a relation in which a column is not NULL, as the planner estimates it.
    pub fn share_of_values(self, column: NodeRef, relation: i32) -> f64 {
        let (test, join) = (NullTestType::IS_NOT_NULL, JoinType::JOIN_INNER);
        caught(|| nulltestsel(self.root, test, column, relation, join, None))
    }

    /// The share of the rows of a relation that fulfil a condition, as the planner estimates it.
    pub fn selectivity(self, condition: NodeRef, relation: i32) -> f64 {
        caught(|| clause_selectivity(self.root, condition, relation, JoinType::JOIN_INNER, None))
    }
}

impl<'q> Relation<'q> {
    /// The conditions of its own rows.
    pub fn conditions(self) -> impl Iterator<Item = Restriction<'q>> {
        self.list(|relation| &relation.baserestrictinfo).all()
    }

    /// The conditions by which it is joined with others.
    pub fn join_conditions(self) -> impl Iterator<Item = Restriction<'q>> {
        self.list(|relation| &relation.joininfo).all()
    }

    /// The ways to read it.
    ///
    /// # Safety
    /// For `'q` no path is offered that could take the place of one of these.
    pub unsafe fn paths(self) -> impl Iterator<Item = NodeRef<'q, Path>> {
        // SAFETY: the members are paths of various kinds, which all begin alike; the caller sees to it that none is freed.
        unsafe { NodeList::new(self.pathlist).iter().map(|path| path.assumed()) }
    }
}

impl<'q> Restriction<'q> {
    /// The condition itself.
    pub fn clause(self) -> Option<NodeRef<'q>> {
        self.node(|condition| &condition.clause)
    }

    /// Whether the condition is there in several forms, of which the order of joins decides.
    #[cfg(feature = "pg15")]
    pub fn is_one_of_several(self) -> bool {
        false
    }

    /// Whether the condition is there in several forms, of which the order of joins decides.
    #[cfg(not(feature = "pg15"))]
    pub fn is_one_of_several(self) -> bool {
        self.has_clone || self.is_clone
    }
}

impl SpecialJoin<'_> {
    /// The number of an outer join in sets of relations; 0 if it has none.
    #[cfg(feature = "pg15")]
    pub fn number(self) -> i32 {
        0
    }

    /// The number of an outer join in sets of relations; 0 if it has none.
    #[cfg(not(feature = "pg15"))]
    pub fn number(self) -> i32 {
        self.ojrelid as i32
    }
}
