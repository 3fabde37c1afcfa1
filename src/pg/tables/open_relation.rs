//! Relations that are open.

use crate::pg::server::lookup::caught;
use crate::pg::values::row::RowType;
use pgrx::pg_sys::{self, Oid, RelationData, LOCKMODE};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

/// A relation that is open until this is dropped; an error closes it too. The lock is kept until the end of the transaction.
pub struct OpenRelation(RelationPointer<'static>);

/// A relation that is open for `'r`. A pointer that is not null, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct RelationPointer<'r> {
    relation: NonNull<RelationData>,
    open: PhantomData<&'r OpenRelation>,
}

// PostgreSQL defines these functions with these arguments, in which any number may stand for a relation. Each time that a relation
// is opened it is to be closed once.
unsafe extern "C-unwind" {
    safe fn table_open(table: Oid, lock: LOCKMODE) -> RelationPointer<'static>;
    safe fn index_open(index: Oid, lock: LOCKMODE) -> RelationPointer<'static>;
    safe fn RelationIdGetRelation(relation: Oid) -> Option<RelationPointer<'static>>;
}

impl OpenRelation {
    /// Opens a table, and locks it; PostgreSQL raises an error if there is none.
    pub fn table(table: Oid, lock: u32) -> OpenRelation {
        OpenRelation(caught(|| table_open(table, lock as LOCKMODE)))
    }

    /// Opens an index, and locks it; PostgreSQL raises an error if there is none.
    pub fn index(index: Oid, lock: u32) -> OpenRelation {
        OpenRelation(caught(|| index_open(index, lock as LOCKMODE)))
    }

    /// Opens a relation on which the session has a lock; None if there is none.
    pub fn known(relation: Oid) -> Option<OpenRelation> {
        caught(|| RelationIdGetRelation(relation)).map(OpenRelation)
    }

    /// The relation for functions that are declared to be safe.
    pub fn get(&self) -> RelationPointer<'_> {
        self.0
    }

    /// The relation for functions of PostgreSQL.
    pub fn pointer(&self) -> pg_sys::Relation {
        self.0.relation.as_ptr()
    }

    /// The columns of its rows.
    pub fn row_type(&self) -> RowType<'_> {
        // SAFETY: PostgreSQL keeps the description while the relation is open.
        unsafe { RowType::new(self.rd_att) }
    }
}

impl Deref for OpenRelation {
    type Target = RelationData;

    fn deref(&self) -> &RelationData {
        // SAFETY: PostgreSQL keeps what it knows of the relation while it is open.
        unsafe { self.0.relation.as_ref() }
    }
}

impl Drop for OpenRelation {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: the relation was opened once for this, and nobody uses it afterwards.
            unsafe { pg_sys::relation_close(self.pointer(), pg_sys::NoLock as LOCKMODE) }
        }
    }
}
