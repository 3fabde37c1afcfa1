//! The caller's privileges.

use crate::pg::server::error::raise;
use crate::pg::server::name::relation_name;
use crate::pg::server::process::{is_recovering, user};
use crate::pg::server::right::{allows, owns_table, Object, SELECT, USAGE};
use crate::pg::server::transaction::is_read_only;
use crate::pg::tables::catalog::schema_of;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::Oid;
use pgrx::PgSqlErrorCode;

pub use crate::pg::server::right::rows_are_hidden_from;

/// Whether the caller may SELECT any column of a table.
pub fn may_select_any(base: Oid) -> bool {
    may_use_schema(base) && (may_select_table(base) || allows(user(), SELECT, Object::AnyColumn(base)))
}

/// Whether the caller may SELECT these columns of a table, by their numbers, and any at all; 0 is the whole row.
pub fn may_select_columns(base: Oid, numbers: &[i16]) -> bool {
    let may_select = |&number: &i16| number > 0 && may_select_column(base, number);
    may_select_any(base) && (may_select_table(base) || numbers.iter().all(may_select))
}

pub fn may_select_table(base: Oid) -> bool {
    can_select(base, user())
}

fn can_select(relation: Oid, user: Oid) -> bool {
    allows(user, SELECT, Object::Table(relation))
}

/// Whether queries of this extension can read a table with a role's privileges.
pub fn can_read(base: Oid, role: Oid) -> bool {
    can_select(base, role) && can_use(schema_of(base), role) && can_use(Tables::get().schema, role)
}

pub fn may_select_column(base: Oid, number: i16) -> bool {
    allows(user(), SELECT, Object::Column(base, number))
}

pub fn may_use_schema(base: Oid) -> bool {
    can_use(schema_of(base), user())
}

fn can_use(schema: Oid, role: Oid) -> bool {
    allows(role, USAGE, Object::Schema(schema))
}

/// Raises 42501. The message reveals no more about the tree than the name that the caller gave.
pub fn denied(tree: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("permission denied for power tree \"{tree}\""),
        "",
        "A power tree answers whoever may SELECT the position, the value and the series of its table.",
    )
}

/// Whether row security hides rows of the table from the caller.
pub fn rows_are_hidden(base: Oid) -> bool {
    rows_are_hidden_from(base, Oid::INVALID)
}

/// Whether the caller is the owner of the table, or may act as the owner.
pub fn owns(base: Oid) -> bool {
    owns_table(user(), base)
}

/// Raises 42501 unless the caller owns the table.
pub fn require_owner(base: Oid) {
    if !owns(base) {
        raise(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("must be owner of table {}", relation_name(base)),
            "",
            "Power trees are made, compacted and dropped by the owner of their table.",
        );
    }
}

/// Raises 25006 where nothing can be written: on a standby, or in a read-only transaction.
pub fn require_writable(command: &str) {
    let (standby, read_only) = (is_recovering(), is_read_only());
    let (message, hint) = if standby {
        (format!("cannot execute {command} during recovery"), "Execute it on the primary; standbys follow.")
    } else if read_only {
        (format!("cannot execute {command} in a read-only transaction"), "Begin the transaction READ WRITE.")
    } else {
        return;
    };
    raise(PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION, message, "", hint);
}
