//! Joins: the other relations of a query, by groups that are joined with one another, and how the table is joined with each.
//!
//! The planner's own order of joins does not matter. What the table is joined with are dimensions: relations that the planner has joined
//! without the table. Each is joined with the table by itself, so that a row of the result is a row of the table with one row of each.

mod clauses;
mod groups;

use crate::pg::nodes::relids::Relids;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::planning::planner::{Planner, Relation, Restriction, SpecialJoin};
use crate::rewrite::rollups::terms::join::JoinKind;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use groups::Connected;
use pgrx::pg_sys::{JoinType, Path};

pub use clauses::{equality, Equality};

/// The joins of a table.
#[derive(Default)]
pub struct Joins<'q> {
    pub dimensions: Vec<Dimension<'q>>,
    /// Conditions that hold for rows of the result, whatever they are joined of.
    pub conditions: Vec<NodeRef<'q>>,
}

/// Relations that are joined with one another, and with the table.
pub struct Dimension<'q> {
    /// The base relations.
    pub members: Vec<i32>,
    pub relation: Relation<'q>,
    pub path: NodeRef<'q, Path>,
    pub kind: JoinKind,
    /// The conditions of the join with the table.
    pub clauses: Vec<NodeRef<'q>>,
    /// The outer join with the table, if it is one.
    special: Option<SpecialJoin<'q>>,
}

impl<'q> Joins<'q> {
    /// Understands how the table of this number is joined with the others of a query, given what is grouped in it.
    pub fn of(planner: Planner<'q>, input: Relation<'q>, table: i32) -> Understood<Joins<'q>> {
        let others = planner.bases(input.relids(|input| &input.relids)).into_iter();
        let others: Vec<i32> = others.filter(|&other| other != table).collect();
        if others.is_empty() {
            return Ok(Joins::default());
        }
        let mut groups = Connected::new(&others);
        groups.unite_by_clauses(planner, table)?;
        groups.unite_by_specials(planner, table)?;
        let mut dimensions = Vec::new();
        for members in groups.into_members() {
            dimensions.push(Dimension::of(planner, members)?);
        }
        for special in planner.special_joins() {
            set_kind(planner, &mut dimensions, special, table)?;
        }
        if dimensions.len() > 1 && dimensions.iter().any(|one| one.kind == JoinKind::Gaps) {
            return Err(Reason::Nested);
        }
        let mut joins = Joins { dimensions, conditions: Vec::new() };
        joins.add_clauses(planner, table)?;
        joins.add_implied(planner, table)?;
        Ok(joins)
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

impl<'q> Dimension<'q> {
    /// Finds what the planner knows of relations that are joined without the table.
    fn of(planner: Planner<'q>, members: Vec<i32>) -> Understood<Dimension<'q>> {
        let relation = match members[..] {
            [one] => planner.relation(one),
            _ => planner.joined(&with_outer_joins(planner, &members)),
        };
        let relation = relation.ok_or(Reason::Apart)?;
        let bases = || members.iter().filter_map(|&member| planner.relation(member));
        if bases().any(|base| !base.lateral_relids.is_null()) {
            return Err(Reason::Lateral);
        }
        if members.iter().any(|&member| is_volatile(planner, member)) {
            return Err(Reason::Volatile);
        }
        // SAFETY: the planner has joined these relations, and offers no more paths of them.
        let free = unsafe { relation.paths() }.filter(|path| path.param_info.is_null());
        let path =
            free.min_by(|one, other| one.total_cost.total_cmp(&other.total_cost)).ok_or(Reason::Apart)?;
        Ok(Dimension { members, relation, path, kind: JoinKind::Inner, clauses: Vec::new(), special: None })
    }

    /// Whether all relations of a set are of the dimension, so that its own plan has seen to what is said of them.
    fn has_all(&self, set: Relids) -> bool {
        !set.is_empty() && set.is_subset(self.relation.relids(|relation| &relation.relids))
    }
}

/// Whether reading a relation twice, for the tree and then for the ordinary plan, might not be as reading it once.
fn is_volatile(planner: Planner, relation: i32) -> bool {
    let made_of = planner.entry(relation).map_or([None; 3], |entry| {
        [
            entry.node(|entry| &entry.subquery),
            entry.node(|entry| &entry.functions),
            entry.node(|entry| &entry.values_lists),
        ]
    });
    let conditions = planner.relation(relation).into_iter().flat_map(Relation::conditions);
    let mut all = made_of.into_iter().flatten().chain(conditions.filter_map(Restriction::clause));
    all.any(NodeRef::is_volatile)
}

/// Sets how a dimension is joined with the table, if it is by this join.
fn set_kind<'q>(
    planner: Planner<'q>,
    dimensions: &mut [Dimension<'q>],
    special: SpecialJoin<'q>,
    table: i32,
) -> Understood<()> {
    let left = planner.bases(special.relids(|join| &join.min_lefthand));
    let right = planner.bases(special.relids(|join| &join.min_righthand));
    let (kind, others) = match special.jointype {
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
        JoinKind::Gaps => planner.bases(special.relids(|join| &join.syn_righthand)) == [table],
        _ => is_optional(planner, dimension, special),
    };
    if !is_whole || dimension.special.is_some() {
        return Err(Reason::Nested);
    }
    (dimension.kind, dimension.special) = (kind, Some(special));
    Ok(())
}

/// Whether a dimension is what is on the right of a join, to which no more is joined than what may as well be joined before: a LEFT JOIN.
fn is_optional(planner: Planner, dimension: &Dimension, special: SpecialJoin) -> bool {
    let mut optional = planner.bases(special.relids(|join| &join.syn_righthand));
    if !optional.iter().all(|one| dimension.members.contains(one)) {
        return false;
    }
    for other in planner.special_joins() {
        let left = planner.bases(other.relids(|join| &join.min_lefthand));
        let is_within = left.iter().all(|one| dimension.members.contains(one));
        if other.jointype == JoinType::JOIN_LEFT && is_within {
            optional.extend(planner.bases(other.relids(|join| &join.syn_righthand)));
        }
    }
    dimension.members.iter().all(|member| optional.contains(member))
}

/// The relations, and the outer joins among them, which are members of sets of relations from PostgreSQL 16 on.
fn with_outer_joins(planner: Planner, relations: &[i32]) -> Vec<i32> {
    let mut all = relations.to_vec();
    for special in planner.special_joins().filter(|special| special.number() > 0) {
        let sides = [special.relids(|join| &join.min_lefthand), special.relids(|join| &join.min_righthand)];
        if sides.into_iter().flat_map(|side| planner.bases(side)).all(|side| relations.contains(&side)) {
            all.push(special.number());
        }
    }
    all
}
