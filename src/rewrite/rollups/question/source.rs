//! The tables of a query that a tree could answer for.

use crate::pg::nodes::tree::NodeRef;
use crate::pg::planning::planner::{Planner, Relation};
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{self, Oid, RangeTblEntry};

/// A table of a query, if a tree could answer for it.
pub struct Source {
    pub relation: i32,
    pub table: Oid,
    pub user: Oid,
}

impl Source {
    /// Finds the tables of a query, given what is grouped in it; none if it is a part of one that is planned in parts, so that no
    /// tree could matter.
    pub fn all<'q>(planner: Planner<'q>, input: Relation<'q>) -> Vec<(Source, NodeRef<'q, RangeTblEntry>)> {
        use pg_sys::RelOptKind::{RELOPT_BASEREL, RELOPT_JOINREL};
        if ![RELOPT_BASEREL, RELOPT_JOINREL].contains(&input.reloptkind) {
            return Vec::new();
        }
        let bases = planner.bases(input.relids(|input| &input.relids)).into_iter();
        let entries = bases.filter_map(|relation| Some((relation, planner.entry(relation)?)));
        let tables = entries.filter(|(_, entry)| {
            entry.rtekind == pg_sys::RTEKind::RTE_RELATION
                && [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE]
                    .contains(&(entry.relkind as u8))
        });
        let source = |relation, entry: NodeRef<RangeTblEntry>| Source {
            relation,
            table: entry.relid,
            user: planner.checked_as(entry),
        };
        tables.map(|(relation, entry)| (source(relation, entry), entry)).collect()
    }
}

/// Refuses queries that no tree can answer for the table with this entry, whatever its columns.
pub fn check(planner: Planner, entry: NodeRef<RangeTblEntry>) -> Understood<()> {
    let query = planner.query();
    let refuse = |applies: bool, reason| if applies { Err(reason) } else { Ok(()) };
    let is_part = entry.relkind as u8 == pg_sys::RELKIND_PARTITIONED_TABLE && !entry.inh;
    refuse(query.hasTargetSRFs, Reason::SetReturning)?;
    refuse(!query.rowMarks.is_null(), Reason::RowLocks)?;
    refuse(!entry.tablesample.is_null(), Reason::Sample)?;
    refuse(!entry.securityQuals.is_null(), Reason::RowSecurity)?;
    refuse(is_part, Reason::Part)
}
