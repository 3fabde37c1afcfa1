//! Joins: the other relations of a query, by groups that are joined with one another, and how the table is joined with each.
//!
//! The planner's own order of joins does not matter. What the table is joined with are dimensions: relations that the planner has joined
//! without the table. Each is joined with the table by itself, so that a row of the result is a row of the table with one row of each.

mod clauses;
mod groups;

use crate::pg::list::items;
use crate::pg::relids::{members, set_of};
use crate::rewrite::rollups::terms::join::JoinKind;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use groups::Connected;
use pgrx::pg_sys::{self, JoinType, Node, Path, PlannerInfo, RelOptInfo, RestrictInfo, SpecialJoinInfo};

pub use clauses::{equality, raised, Equality};
pub use groups::bases;

/// The joins of a table.
#[derive(Default)]
pub struct Joins {
    pub dimensions: Vec<Dimension>,
    /// Conditions that hold for rows of the result, whatever they are joined of.
    pub conditions: Vec<*mut Node>,
}

/// Relations that are joined with one another, and with the table.
pub struct Dimension {
    /// The base relations.
    pub members: Vec<i32>,
    pub relation: *mut RelOptInfo,
    pub path: *mut Path,
    pub kind: JoinKind,
    /// The conditions of the join with the table.
    pub clauses: Vec<*mut Node>,
    /// The outer join with the table, if it is one.
    special: *mut SpecialJoinInfo,
}

impl Joins {
    /// Understands how a table is joined with the others of a query.
    ///
    /// # Safety
    /// The query that is being planned, what is grouped in it, and the number of the table.
    pub unsafe fn of(root: *mut PlannerInfo, input: *mut RelOptInfo, table: i32) -> Understood<Joins> {
        // SAFETY: the caller's query, whose relations the planner keeps.
        unsafe {
            let others: Vec<i32> =
                bases(root, (*input).relids).into_iter().filter(|&other| other != table).collect();
            if others.is_empty() {
                return Ok(Joins::default());
            }
            let specials: Vec<*mut SpecialJoinInfo> =
                items::<SpecialJoinInfo>((*root).join_info_list).collect();
            let mut groups = Connected::new(&others);
            groups.unite_by_clauses(root, table)?;
            groups.unite_by_specials(root, &specials, table)?;
            let mut dimensions = Vec::new();
            for members in groups.into_members() {
                dimensions.push(Dimension::of(root, members, &specials)?);
            }
            for &special in &specials {
                set_kind(root, &mut dimensions, special, table)?;
            }
            if dimensions.len() > 1 && dimensions.iter().any(|one| one.kind == JoinKind::Gaps) {
                return Err(Reason::Nested);
            }
            let mut joins = Joins { dimensions, conditions: Vec::new() };
            joins.add_clauses(root, table)?;
            joins.add_implied(root, table)?;
            Ok(joins)
        }
    }

    /// The dimension that a relation belongs to.
    pub fn dimension_of(&self, relation: i32) -> Option<usize> {
        self.dimensions.iter().position(|dimension| dimension.members.contains(&relation))
    }

    /// Whether rows of the result may have no row of the table.
    pub fn has_gaps(&self) -> bool {
        self.dimensions.iter().any(|dimension| dimension.kind == JoinKind::Gaps)
    }
}

impl Dimension {
    /// Finds what the planner knows of relations that are joined without the table.
    unsafe fn of(
        root: *mut PlannerInfo,
        members: Vec<i32>,
        specials: &[*mut SpecialJoinInfo],
    ) -> Understood<Dimension> {
        // SAFETY: the caller's query; base relations are in the planner's array.
        unsafe {
            let relation = match members[..] {
                [one] => *(*root).simple_rel_array.add(one as usize),
                _ => pg_sys::find_join_rel(root, set_of(&with_outer_joins(root, &members, specials))),
            };
            if relation.is_null() {
                return Err(Reason::Apart);
            }
            let base = |member: i32| *(*root).simple_rel_array.add(member as usize);
            if members.iter().any(|&member| !(*base(member)).lateral_relids.is_null()) {
                return Err(Reason::Lateral);
            }
            if members.iter().any(|&member| is_volatile(root, member)) {
                return Err(Reason::Volatile);
            }
            let free = items::<Path>((*relation).pathlist).filter(|&path| (*path).param_info.is_null());
            let path = free
                .min_by(|&one, &other| (*one).total_cost.total_cmp(&(*other).total_cost))
                .ok_or(Reason::Apart)?;
            let special = std::ptr::null_mut();
            Ok(Dimension { members, relation, path, kind: JoinKind::Inner, clauses: Vec::new(), special })
        }
    }
}

/// Whether reading a relation twice, for the tree and then for the ordinary plan, might not be as reading it once.
unsafe fn is_volatile(root: *mut PlannerInfo, relation: i32) -> bool {
    // SAFETY: the caller's query, whose relations have an entry and conditions, which the planner keeps.
    unsafe {
        let entry = *(*root).simple_rte_array.add(relation as usize);
        let made_of =
            [(*entry).subquery.cast::<Node>(), (*entry).functions.cast(), (*entry).values_lists.cast()];
        let conditions = (*(*(*root).simple_rel_array.add(relation as usize))).baserestrictinfo;
        let conditions = items::<RestrictInfo>(conditions).map(|info| (*info).clause.cast::<Node>());
        let mut all = made_of.into_iter().chain(conditions).filter(|node| !node.is_null());
        all.any(|node| pg_sys::contain_volatile_functions(node))
    }
}

/// Sets how a dimension is joined with the table, if it is by this join.
unsafe fn set_kind(
    root: *mut PlannerInfo,
    dimensions: &mut [Dimension],
    special: *mut SpecialJoinInfo,
    table: i32,
) -> Understood<()> {
    // SAFETY: the caller's join of the query.
    unsafe {
        let (left, right) = (bases(root, (*special).min_lefthand), bases(root, (*special).min_righthand));
        let (kind, others) = match (*special).jointype {
            JoinType::JOIN_LEFT if right == [table] => (JoinKind::Gaps, left),
            JoinType::JOIN_LEFT if left == [table] => (JoinKind::Left, right),
            JoinType::JOIN_SEMI if left == [table] => (JoinKind::Semi, right),
            JoinType::JOIN_ANTI if left == [table] => (JoinKind::Anti, right),
            _ if left.contains(&table) || right.contains(&table) => return Err(Reason::Nested),
            _ => return Ok(()),
        };
        let found = dimensions.iter_mut().find(|one| others.iter().all(|other| one.members.contains(other)));
        let Some(dimension) = found else { return Err(Reason::Nested) };
        let is_whole = match kind {
            JoinKind::Gaps => bases(root, (*special).syn_righthand) == [table],
            _ => is_optional(root, dimension, special),
        };
        if !is_whole || !dimension.special.is_null() {
            return Err(Reason::Nested);
        }
        (dimension.kind, dimension.special) = (kind, special);
        Ok(())
    }
}

/// Whether a dimension is what is on the right of a join, to which no more is joined than what may as well be joined before: a LEFT JOIN.
unsafe fn is_optional(root: *mut PlannerInfo, dimension: &Dimension, special: *mut SpecialJoinInfo) -> bool {
    // SAFETY: the caller's join of the query, like all in the planner's list.
    unsafe {
        let mut optional = bases(root, (*special).syn_righthand);
        if !optional.iter().all(|one| dimension.members.contains(one)) {
            return false;
        }
        for other in items::<SpecialJoinInfo>((*root).join_info_list) {
            let left = bases(root, (*other).min_lefthand);
            let is_within = left.iter().all(|one| dimension.members.contains(one));
            if (*other).jointype == JoinType::JOIN_LEFT && is_within {
                optional.extend(bases(root, (*other).syn_righthand));
            }
        }
        dimension.members.iter().all(|member| optional.contains(member))
    }
}

/// The relations, and the outer joins among them, which are members of sets of relations from PostgreSQL 16 on.
unsafe fn with_outer_joins(
    root: *mut PlannerInfo,
    relations: &[i32],
    specials: &[*mut SpecialJoinInfo],
) -> Vec<i32> {
    let mut all = relations.to_vec();
    // SAFETY: the caller's joins of the query.
    unsafe {
        for &special in specials {
            let sides = bases(root, (*special).min_lefthand).into_iter();
            let mut sides = sides.chain(bases(root, (*special).min_righthand));
            if outer_join(special) > 0 && sides.all(|side| relations.contains(&side)) {
                all.push(outer_join(special));
            }
        }
    }
    all
}

/// The number of an outer join in sets of relations; 0 if it has none.
unsafe fn outer_join(_special: *mut SpecialJoinInfo) -> i32 {
    #[cfg(feature = "pg15")]
    return 0;
    // SAFETY: the caller's join, or null.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        _special.as_ref().map_or(0, |special| special.ojrelid as i32)
    }
}

/// Whether all relations of a set are of the dimension, so that its own plan has seen to what is said of them.
unsafe fn is_within(set: *const pg_sys::Bitmapset, dimension: &Dimension) -> bool {
    // SAFETY: the caller's set and those of the planner are sets of relations.
    unsafe { !members(set).is_empty() && pg_sys::bms_is_subset(set, (*dimension.relation).relids) }
}
