//! The conditions on tables that a tree can be made for.

use crate::pg::server::error::raise;
use crate::pg::server::name::relation_name;
use crate::pg::server::right::may_act_as;
use crate::pg::tables::catalog::{relation_named, scan};
use crate::pg::tables::column::find_column;
use crate::pg::tables::fence::owner;
use crate::pg::tables::relation::{family, inherits, Class};
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};
use pgrx::PgSqlErrorCode;

/// Whether a relation may hold, or have held, rows of a tree; false if it is gone.
pub fn may_be_of_tree(relation: Oid) -> bool {
    const KINDS: [u8; 3] =
        [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE, pg_sys::RELKIND_FOREIGN_TABLE];
    relation.to_u32() >= pg_sys::FirstNormalObjectId
        && Class::of(relation).is_some_and(|class| {
            KINDS.contains(&class.kind) && class.persistence != pg_sys::RELPERSISTENCE_TEMP
        })
}

/// Returns why no tree can be made for a table whose family includes this relation; None if one can.
pub fn refusal(relation: Oid) -> Option<String> {
    let name = relation_name(relation);
    let Some(class) = Class::of(relation) else {
        return Some(format!("relation with OID {} does not exist", relation.to_u32()));
    };
    match class.kind {
        pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE => {}
        pg_sys::RELKIND_FOREIGN_TABLE => return Some(format!("{name} is a foreign table")),
        _ => return Some(format!("{name} is not a table")),
    }
    if class.persistence != pg_sys::RELPERSISTENCE_PERMANENT {
        return Some(format!("table {name} is temporary or unlogged"));
    }
    if relation.to_u32() < pg_sys::FirstNormalObjectId {
        return Some(format!("{name} is a system catalog"));
    }
    if Tables::get().all().contains(&relation) {
        return Some(format!("table {name} belongs to pg_tally"));
    }
    if is_distributed(relation) {
        return Some(format!("table {name} is distributed by Citus"));
    }
    inherits(relation, &class).then(|| format!("table {name} inherits or is inherited from"))
}

/// Whether the rows of a table are in shards of Citus, where its triggers would not see them.
fn is_distributed(relation: Oid) -> bool {
    let catalog = Oid::from(pg_sys::PG_CATALOG_NAMESPACE);
    let mut found = false;
    if let Some(distributed) = relation_named(c"pg_dist_partition", catalog) {
        let Some(column) = find_column(distributed, "logicalrelid") else { return false };
        scan(distributed, None, Some((column.number as u32, relation)), |_| {
            found = true;
            false
        });
    }
    found
}

/// Returns what is wrong if a table or partition belongs to a role that may not act as the owner of `base`: reading all
/// of them would run one role's code, such as the expression of an index, with another's rights.
pub fn strangers(relation: Oid, base: Oid) -> Option<String> {
    let owned_by = owner(base);
    let may_act = |role| role == owned_by || may_act_as(role, owned_by);
    let stranger = family(relation).into_iter().find(|&member| !may_act(owner(member)))?;
    Some(format!("tables {} and {} have different owners", relation_name(base), relation_name(stranger)))
}

/// Raises an error unless all partitions have one owner: compaction reads them as the owner of the base table.
pub fn require_one_owner(base: Oid) {
    if let Some(problem) = strangers(base, base) {
        raise(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            problem,
            "Code of one owner, such as the expression of an index, would run with the rights of another.",
            "Give all partitions to the owner of the table: ALTER TABLE ... OWNER TO.",
        );
    }
}
