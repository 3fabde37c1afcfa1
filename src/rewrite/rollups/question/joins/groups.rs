//! Relations, put into groups that are joined with one another.

use crate::pg::list::items;
use crate::pg::relids::members;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{
    Bitmapset, EquivalenceClass, EquivalenceMember, JoinType, PlannerInfo, RestrictInfo, SpecialJoinInfo,
};

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
    pub unsafe fn unite_by_clauses(&mut self, root: *mut PlannerInfo, table: i32) -> Understood<()> {
        // SAFETY: the caller's query, whose relations and conditions the planner keeps.
        unsafe {
            for relation in self.0.concat() {
                let relation = *(*root).simple_rel_array.add(relation as usize);
                for info in items::<RestrictInfo>((*relation).joininfo) {
                    let compared = bases(root, (*info).required_relids);
                    if !compared.contains(&table) {
                        self.unite(&compared);
                    }
                }
            }
            for class in items::<EquivalenceClass>((*root).eq_classes) {
                self.unite_by_class(root, class, table)?;
            }
        }
        Ok(())
    }

    /// Unites what is equal. Of what is equal to the table, each is compared with the table alone.
    unsafe fn unite_by_class(
        &mut self,
        root: *mut PlannerInfo,
        class: *mut EquivalenceClass,
        table: i32,
    ) -> Understood<()> {
        // SAFETY: the caller's class of the query.
        unsafe {
            let equal = items::<EquivalenceMember>((*class).ec_members);
            let equal: Vec<Vec<i32>> = equal
                .filter(|&member| !(*member).em_is_child)
                .map(|member| bases(root, (*member).em_relids))
                .collect();
            if equal.len() < 2 || (*class).ec_has_const {
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
        }
        Ok(())
    }

    /// Unites the sides of outer joins and semi-joins.
    pub unsafe fn unite_by_specials(
        &mut self,
        root: *mut PlannerInfo,
        specials: &[*mut SpecialJoinInfo],
        table: i32,
    ) -> Understood<()> {
        // SAFETY: the caller's joins of the query.
        unsafe {
            for &special in specials {
                let left = bases(root, (*special).min_lefthand);
                let right = bases(root, (*special).min_righthand);
                let has_table = |side: &[i32]| side.contains(&table);
                if (has_table(&left) || has_table(&right)) && (*special).jointype == JoinType::JOIN_FULL {
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
        }
        Ok(())
    }
}

/// The base relations in a set, which may have outer joins too.
///
/// # Safety
/// The query that is being planned, and a set of relations in it.
pub unsafe fn bases(root: *mut PlannerInfo, set: *const Bitmapset) -> Vec<i32> {
    // SAFETY: the planner's array has a place for each relation of the query, empty for joins.
    unsafe {
        let mut all = members(set);
        all.retain(|&member| {
            member < (*root).simple_rel_array_size
                && !(*(*root).simple_rel_array.add(member as usize)).is_null()
        });
        all
    }
}
