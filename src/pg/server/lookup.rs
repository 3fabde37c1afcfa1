//! Questions to PostgreSQL's catalogs, locks, and the transaction, in which any number may stand for an object.
//!
//! These functions of PostgreSQL ask nothing of their caller, and are declared so; pgrx declares all as unsafe. They may
//! raise errors, and therefore are only called through [`caught`], as pgrx calls all functions of PostgreSQL.

use super::ctext::{CText, MadeText};
use pgrx::pg_sys::{
    self, AttrNumber, DropBehavior, FullTransactionId, ObjectAddress, Oid, TransactionId, LOCKMODE,
};
use std::ffi::{c_char, CStr};
use std::mem::needs_drop;

// PostgreSQL defines these functions with these arguments. Those that return a text return a C string in the
// current memory context, or null.
unsafe extern "C-unwind" {
    safe fn get_relname_relid(name: CText, schema: Oid) -> Oid;
    safe fn get_extension_oid(name: CText, missing_ok: bool) -> Oid;
    safe fn get_rel_relkind(relation: Oid) -> c_char;
    safe fn get_rel_name(relation: Oid) -> MadeText;
    safe fn get_rel_namespace(relation: Oid) -> Oid;
    safe fn get_rel_relispartition(relation: Oid) -> bool;
    safe fn get_atttype(relation: Oid, number: AttrNumber) -> Oid;
    safe fn get_attname(relation: Oid, number: AttrNumber, missing_ok: bool) -> MadeText;
    safe fn get_namespace_name(schema: Oid) -> MadeText;
    pub(in crate::pg) safe fn get_func_name(function: Oid) -> MadeText;
    safe fn getExtensionOfObject(class: Oid, object: Oid) -> Oid;
    safe fn format_type_be(type_oid: Oid) -> MadeText;
    safe fn getBaseType(type_oid: Oid) -> Oid;
    safe fn get_array_type(type_oid: Oid) -> Oid;
    safe fn get_element_type(type_oid: Oid) -> Oid;
    safe fn GetDefaultOpClass(type_oid: Oid, method: Oid) -> Oid;
    safe fn get_opclass_family(class: Oid) -> Oid;
    safe fn get_opclass_input_type(class: Oid) -> Oid;
    safe fn get_opfamily_proc(family: Oid, left: Oid, right: Oid, number: i16) -> Oid;
    safe fn LockRelationOid(relation: Oid, mode: LOCKMODE);
    safe fn ConditionalLockRelationOid(relation: Oid, mode: LOCKMODE) -> bool;
    safe fn LockDatabaseObject(class: Oid, object: Oid, part: u16, mode: LOCKMODE);
    safe fn ConditionalLockDatabaseObject(class: Oid, object: Oid, part: u16, mode: LOCKMODE) -> bool;
    safe fn CacheInvalidateRelcacheByRelid(relation: Oid);
    safe fn performDeletion(object: &ObjectAddress, behaviour: DropBehavior::Type, flags: i32);
    safe fn nextval_internal(sequence: Oid, checks_rights: bool) -> i64;
    safe fn CommandCounterIncrement();
    safe fn GetTopFullTransactionId() -> FullTransactionId;
    safe fn ReadNextFullTransactionId() -> FullTransactionId;
    safe fn TransactionIdIsCurrentTransactionId(transaction: TransactionId) -> bool;
    safe fn get_hash_memory_limit() -> usize;
    safe fn check_stack_depth();
}

/// Calls functions of PostgreSQL, whose error becomes a panic.
#[inline]
pub(in crate::pg) fn caught<T, F: FnOnce() -> T>(call: F) -> T {
    const { assert!(!needs_drop::<T>() && !needs_drop::<F>(), "an error may jump over this frame") }
    // SAFETY: the error jumps over the frame of the closure, which owns nothing, to this one.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(call) }
}

fn text(made: impl FnOnce() -> MadeText) -> Option<String> {
    caught(made).text()
}

/// The object; None for the number of none.
pub(in crate::pg) fn known(object: Oid) -> Option<Oid> {
    (object != Oid::INVALID).then_some(object)
}

/// Returns the relation of this name in a schema; None if there is none.
pub fn relation_named(name: &CStr, schema: Oid) -> Option<Oid> {
    let name = CText::from(name);
    known(caught(|| get_relname_relid(name, schema)))
}

/// Returns the extension of this name; None if it is not installed.
pub fn extension_named(name: &CStr) -> Option<Oid> {
    let name = CText::from(name);
    known(caught(|| get_extension_oid(name, true)))
}

/// Returns `pg_class.relkind` of a relation; 0 if it is gone.
pub fn relkind(relation: Oid) -> u8 {
    caught(|| get_rel_relkind(relation)) as u8
}

/// Whether a relation is a partitioned table.
pub fn is_partitioned(relation: Oid) -> bool {
    relkind(relation) == pg_sys::RELKIND_PARTITIONED_TABLE
}

/// Whether a relation is a partition of another.
pub fn is_partition(relation: Oid) -> bool {
    caught(|| get_rel_relispartition(relation))
}

/// Returns the name of a relation without its schema; None if it is gone.
pub fn relname(relation: Oid) -> Option<String> {
    text(|| get_rel_name(relation))
}

/// Returns the schema of a relation; INVALID if the relation is gone.
pub fn schema_of(relation: Oid) -> Oid {
    caught(|| get_rel_namespace(relation))
}

/// Returns the name of a column; None if it is gone.
pub fn attname(relation: Oid, number: i16) -> Option<String> {
    text(|| get_attname(relation, number, true))
}

/// Returns the type of a column; INVALID if it is gone.
pub fn atttype(relation: Oid, number: i16) -> Oid {
    caught(|| get_atttype(relation, number))
}

/// Returns the name of a schema; None if it is gone.
pub fn schema_name(schema: Oid) -> Option<String> {
    text(|| get_namespace_name(schema))
}

/// Returns the name of a function without its schema; None if it is gone.
pub fn function_name(function: Oid) -> Option<String> {
    text(|| get_func_name(function))
}

/// Returns the extension that an object belongs to.
pub fn extension_of(class: Oid, object: Oid) -> Option<Oid> {
    known(caught(|| getExtensionOfObject(class, object)))
}

/// Returns the name of a type in SQL.
pub fn type_name(type_oid: Oid) -> String {
    text(|| format_type_be(type_oid)).unwrap_or_default()
}

/// Returns the type on which a domain is based; any other type itself.
pub fn base_type(type_oid: Oid) -> Oid {
    caught(|| getBaseType(type_oid))
}

/// Returns the array type of a type; INVALID if it has none.
pub fn array_type(element: Oid) -> Oid {
    caught(|| get_array_type(element))
}

/// Returns the type of the members of an array; INVALID if the type is no array.
pub fn element_type(array: Oid) -> Oid {
    caught(|| get_element_type(array))
}

/// Returns the operator class that orders a type by default; INVALID if there is none.
pub fn default_class(type_oid: Oid) -> Oid {
    caught(|| GetDefaultOpClass(type_oid, pg_sys::BTREE_AM_OID))
}

/// Returns the support function of this number of a B-tree operator class, and the type that the class is for.
pub fn support_function(class: Oid, number: i16) -> Option<(Oid, Oid)> {
    let (family, of) = caught(|| (get_opclass_family(class), get_opclass_input_type(class)));
    Some((known(caught(|| get_opfamily_proc(family, of, of, number)))?, of))
}

/// Locks a relation until the end of the transaction.
pub fn lock(relation: Oid, mode: u32) {
    caught(|| LockRelationOid(relation, mode as LOCKMODE))
}

/// Locks a relation until the end of the transaction; returns false if that would have to wait.
pub fn lock_at_once(relation: Oid, mode: u32) -> bool {
    caught(|| ConditionalLockRelationOid(relation, mode as LOCKMODE))
}

/// Locks an object until the end of the transaction.
pub fn lock_object(class: Oid, object: Oid, mode: u32) {
    caught(|| LockDatabaseObject(class, object, 0, mode as LOCKMODE))
}

/// Locks an object until the end of the transaction; returns false if that would have to wait.
pub fn lock_object_at_once(class: Oid, object: Oid, mode: u32) -> bool {
    caught(|| ConditionalLockDatabaseObject(class, object, 0, mode as LOCKMODE))
}

/// Drops an object on which no other depends, as a part of another command.
pub fn drop_internally(class: Oid, object: Oid) {
    let object = ObjectAddress { classId: class, objectId: object, objectSubId: 0 };
    let flags = pg_sys::PERFORM_DELETION_INTERNAL as i32;
    caught(|| performDeletion(&object, DropBehavior::DROP_RESTRICT, flags));
}

/// Returns the next number of a sequence.
pub fn next_of(sequence: Oid) -> i64 {
    caught(|| nextval_internal(sequence, true))
}

/// Has all sessions look at a relation again.
pub fn invalidate(relation: Oid) {
    caught(|| CacheInvalidateRelcacheByRelid(relation))
}

/// Makes what the transaction has written visible to its next command.
pub fn advance() {
    caught(|| CommandCounterIncrement())
}

/// Returns the ID of the running transaction, assigned now if it has none.
pub fn transaction_number() -> u64 {
    caught(|| GetTopFullTransactionId()).value
}

/// Returns the ID that the next transaction will get.
pub fn next_transaction() -> u64 {
    caught(|| ReadNextFullTransactionId()).value
}

/// Whether a transaction is the running one, or a part of it.
pub fn is_current(transaction: TransactionId) -> bool {
    caught(|| TransactionIdIsCurrentTransactionId(transaction))
}

/// Returns the bytes that a hash table may have.
pub fn hash_memory() -> usize {
    caught(|| get_hash_memory_limit())
}

/// Raises an error where functions have called each other so often that the stack might not hold more.
pub fn check_depth() {
    caught(|| check_stack_depth())
}
