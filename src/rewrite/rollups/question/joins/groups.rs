//! Relations, put into groups that are joined with one another.

use crate::pg::nodes::tree::NodeRef;
use crate::pg::planning::planner::{Planner, Relation};
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{EquivalenceClass, EquivalenceMember, JoinType};

/// Connected of relations; each is in one of them.
pub struct Connected(Vec<Vec<i32>>);

impl Connected {
    /// Each relation by itself.
    pub fn new(relations: &[i32]) -> Connected {
        Connected(relations.iter().map(|&relation| vec![relation]).collect())
    }

    pub fn into_members(self) -> Vec<Vec<i32>> {
        self.0
    }

    /// Puts relations into one group.
    fn unite(&mut self, relations: &[i32]) {
        let apart = |group: &Vec<i32>| !group.iter().any(|member| relations.contains(member));
        let (mut groups, touched): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(apart);
        let mut united: Vec<i32> = touched.into_iter().flatten().collect();
        united.sort_unstable();
        if !united.is_empty() {
            groups.push(united);
        }
        self.0 = groups;
    }

    /// Unites what conditions compare without the table.
    pub fn unite_by_clauses(&mut self, planner: Planner, table: i32) -> Understood<()> {
        for relation in self.0.concat() {
            let conditions = planner.relation(relation).into_iter().flat_map(Relation::join_conditions);
            for condition in conditions {
                let compared = planner.bases(condition.relids(|one| &one.required_relids));
                if !compared.contains(&table) {
                    self.unite(&compared);
                }
            }
        }
        planner.classes().try_for_each(|class| self.unite_by_class(planner, class, table))
    }

    /// Unites what is equal. Of what is equal to the table, each is compared with the table alone.
    fn unite_by_class(
        &mut self,
        planner: Planner,
        class: NodeRef<EquivalenceClass>,
        table: i32,
    ) -> Understood<()> {
        let equal = class.list(|class| &class.ec_members).all::<EquivalenceMember>();
        let equal: Vec<Vec<i32>> = equal
            .filter(|member| !member.em_is_child)
            .map(|member| planner.bases(member.relids(|member| &member.em_relids)))
            .collect();
        if equal.len() < 2 || class.ec_has_const {
            return Ok(());
        }
        if equal.iter().any(|relations| relations.contains(&table) && relations.len() > 1) {
            return Err(Reason::Apart);
        }
        let has_table = equal.iter().any(|relations| relations.contains(&table));
        match has_table {
            true => equal.iter().filter(|one| !one.contains(&table)).for_each(|one| self.unite(one)),
            false => self.unite(&equal.concat()),
        }
        Ok(())
    }

    /// Unites the sides of outer joins and semi-joins.
    pub fn unite_by_specials(&mut self, planner: Planner, table: i32) -> Understood<()> {
        for special in planner.special_joins() {
            let left = planner.bases(special.relids(|join| &join.min_lefthand));
            let right = planner.bases(special.relids(|join| &join.min_righthand));
            let has_table = |side: &[i32]| side.contains(&table);
            if (has_table(&left) || has_table(&right)) && special.jointype == JoinType::JOIN_FULL {
                return Err(Reason::FullJoin);
            }
            match (has_table(&left), has_table(&right)) {
                (true, _) if left.len() > 1 => return Err(Reason::Nested),
                (_, true) if right.len() > 1 => return Err(Reason::Nested),
                (true, _) => self.unite(&right),
                (_, true) => self.unite(&left),
                _ => self.unite(&[left, right].concat()),
            }
        }
        Ok(())
    }
}
