//! The tables of a query that a tree could answer for.

use super::joins::bases;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{self, Oid, PlannerInfo, RangeTblEntry, RelOptInfo};

/// A table of a query, if a tree could answer for it.
pub struct Source {
    pub relation: i32,
    pub table: Oid,
    pub user: Oid,
}

impl Source {
    /// Finds the tables of a query; none if it is a part of one that is planned in parts, so that no tree could matter.
    ///
    /// # Safety
    /// A query that is being planned, and what is grouped in it.
    pub unsafe fn all(root: *mut PlannerInfo, input: *mut RelOptInfo) -> Vec<(Source, *mut RangeTblEntry)> {
        use pg_sys::RelOptKind::{RELOPT_BASEREL, RELOPT_JOINREL};
        // SAFETY: the number of a base relation is one of the range table's, which the planner has unpacked.
        unsafe {
            if ![RELOPT_BASEREL, RELOPT_JOINREL].contains(&(*input).reloptkind) {
                return Vec::new();
            }
            let entries = bases(root, (*input).relids).into_iter();
            let entries =
                entries.map(|relation| (relation, *(*root).simple_rte_array.add(relation as usize)));
            let is_table = |entry: *mut RangeTblEntry| {
                (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION
                    && [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE]
                        .contains(&((*entry).relkind as u8))
            };
            let tables = entries.filter(|(_, entry)| is_table(*entry));
            tables
                .map(|(relation, entry)| {
                    let user = checked_as(root, entry);
                    (Source { relation, table: (*entry).relid, user }, entry)
                })
                .collect()
        }
    }
}

/// The user whose rights on a table are checked.
unsafe fn checked_as(_root: *mut PlannerInfo, entry: *mut RangeTblEntry) -> Oid {
    // SAFETY: the caller's entry of the query.
    unsafe {
        #[cfg(feature = "pg15")]
        return (*entry).checkAsUser;
        #[cfg(not(feature = "pg15"))]
        {
            let infos = (*(*_root).parse).rteperminfos;
            (*pg_sys::getRTEPermissionInfo(infos, entry)).checkAsUser
        }
    }
}

/// Refuses queries that no tree can answer, whatever its columns.
///
/// # Safety
/// The query that is being planned, and the entry of its table.
pub unsafe fn check(root: *mut PlannerInfo, entry: *mut RangeTblEntry) -> Understood<()> {
    // SAFETY: the caller promises the query that is being planned, and the entry of its table.
    unsafe {
        let query = (*root).parse;
        let refuse = |applies: bool, reason| if applies { Err(reason) } else { Ok(()) };
        let is_part = (*entry).relkind as u8 == pg_sys::RELKIND_PARTITIONED_TABLE && !(*entry).inh;
        refuse((*query).hasTargetSRFs, Reason::SetReturning)?;
        refuse(!(*query).rowMarks.is_null(), Reason::RowLocks)?;
        refuse(!(*entry).tablesample.is_null(), Reason::Sample)?;
        refuse(!(*entry).securityQuals.is_null(), Reason::RowSecurity)?;
        refuse(is_part, Reason::Part)
    }
}
