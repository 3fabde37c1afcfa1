//! Operators, and the orders of types that they belong to. Any number may stand for an operator or a family.

use super::lookup::{caught, known};
use pgrx::pg_sys::{self, Oid, TypeCacheEntry};

// PostgreSQL defines these functions with these arguments. It keeps what it has of a type for ever.
unsafe extern "C-unwind" {
    safe fn lookup_type_cache(type_oid: Oid, wanted: i32) -> &'static TypeCacheEntry;
    safe fn op_hashjoinable(operator: Oid, left: Oid) -> bool;
    safe fn get_op_hash_functions(operator: Oid, left: Option<&mut Oid>, right: Option<&mut Oid>) -> bool;
    safe fn get_op_opfamily_strategy(operator: Oid, family: Oid) -> i32;
    safe fn get_opfamily_member(family: Oid, left: Oid, right: Oid, strategy: i16) -> Oid;
    safe fn get_negator(operator: Oid) -> Oid;
    safe fn op_input_types(operator: Oid, left: &mut Oid, right: &mut Oid);
    safe fn get_op_rettype(operator: Oid) -> Oid;
    safe fn get_opcode(operator: Oid) -> Oid;
    safe fn get_collation_isdeterministic(collation: Oid) -> bool;
}

/// Returns the family of operators that order a type by default, from PostgreSQL's cache of types; None if there is no order.
pub fn order_of(type_oid: Oid) -> Option<Oid> {
    cached(type_oid, pg_sys::TYPECACHE_BTREE_OPFAMILY, |entry| entry.btree_opf)
}

/// Returns the operator for equality of a type, by which its values can be hashed, from PostgreSQL's cache of types; None if there is none.
pub fn equality_of(type_oid: Oid) -> Option<Oid> {
    cached(type_oid, pg_sys::TYPECACHE_EQ_OPR, |entry| entry.eq_opr)
        .filter(|&operator| caught(|| op_hashjoinable(operator, type_oid)))
}

/// Reads what PostgreSQL's cache of types has under this flag.
fn cached(type_oid: Oid, wanted: u32, read: impl FnOnce(&TypeCacheEntry) -> Oid) -> Option<Oid> {
    let type_oid = known(type_oid)?;
    known(read(caught(|| lookup_type_cache(type_oid, wanted as i32))))
}

/// Whether values that an operator finds equal, of this type on its left, have equal hashes.
pub fn is_hashed(operator: Oid, left: Oid) -> bool {
    caught(|| op_hashjoinable(operator, left)) && hash_functions_of(operator).is_some()
}

/// Returns the functions that hash values on the left and on the right of an operator for equality; None if there are none.
pub fn hash_functions_of(operator: Oid) -> Option<[Oid; 2]> {
    let (mut left, mut right) = (Oid::INVALID, Oid::INVALID);
    let are_found = caught(|| get_op_hash_functions(operator, Some(&mut left), Some(&mut right)));
    are_found.then_some([left, right])
}

/// Returns the function of an operator; INVALID if there is no such operator.
pub fn function_of(operator: Oid) -> Oid {
    caught(|| get_opcode(operator))
}

/// Returns the meaning of an operator in a family; 0 if it is not of the family.
pub fn strategy_in(family: Oid, operator: Oid) -> u32 {
    caught(|| get_op_opfamily_strategy(operator, family)) as u32
}

/// Returns the operator of a family that has this meaning for values of two types.
pub fn member_of(family: Oid, left: Oid, right: Oid, strategy: u32) -> Option<Oid> {
    known(caught(|| get_opfamily_member(family, left, right, strategy as i16)))
}

/// Returns the operator that holds where another does not.
pub fn opposite_of(operator: Oid) -> Option<Oid> {
    known(caught(|| get_negator(operator)))
}

/// Returns the types with which an operator is declared: those on its left and on its right, and that of its result.
pub fn types_of(operator: Oid) -> ([Oid; 2], Oid) {
    caught(|| {
        let (mut left, mut right) = (Oid::INVALID, Oid::INVALID);
        op_input_types(operator, &mut left, &mut right);
        ([left, right], get_op_rettype(operator))
    })
}

/// Whether only equal bytes are equal in a collation; in none at all they are.
pub fn is_deterministic(collation: Oid) -> bool {
    collation == Oid::INVALID || caught(|| get_collation_isdeterministic(collation))
}
