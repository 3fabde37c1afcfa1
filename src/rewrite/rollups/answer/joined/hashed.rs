//! Expressions that a condition of a join says are equal, and their hashes.

use crate::rewrite::rollups::answer::row::{Expression, PlaceRow};
use pgrx::pg_sys::{self, FmgrInfo, MemoryContext, Oid};
use std::cell::Cell;

/// Two expressions that a condition says are equal.
pub struct HashedPair {
    pub of_table: Expression,
    pub of_dimension: Expression,
    pub collation: Oid,
    /// The functions, with what they remember from call to call.
    hash_of_table: Cell<FmgrInfo>,
    hash_of_dimension: Cell<FmgrInfo>,
}

impl HashedPair {
    /// # Safety
    /// The operator that compares them can be hashed; the context lives as long as the pair.
    pub unsafe fn new(
        (of_table, of_dimension): (Expression, Expression),
        (operator, collation): (Oid, Oid),
        table_is_left: bool,
        context: MemoryContext,
    ) -> HashedPair {
        let (mut left, mut right) = (Oid::INVALID, Oid::INVALID);
        let (mut hash_of_table, mut hash_of_dimension) = (FmgrInfo::default(), FmgrInfo::default());
        // SAFETY: PostgreSQL looks the functions up, and keeps what it knows of them in the context.
        unsafe {
            pg_sys::get_op_hash_functions(operator, &mut left, &mut right);
            let (one, other) = if table_is_left { (left, right) } else { (right, left) };
            pg_sys::fmgr_info_cxt(one, &mut hash_of_table, context);
            pg_sys::fmgr_info_cxt(other, &mut hash_of_dimension, context);
        }
        let (hash_of_table, hash_of_dimension) = (Cell::new(hash_of_table), Cell::new(hash_of_dimension));
        HashedPair { of_table, of_dimension, collation, hash_of_table, hash_of_dimension }
    }
}

/// The hash of the table's side of all pairs, for the row.
pub fn hash_of_table(pairs: &[HashedPair], row: PlaceRow) -> u64 {
    combined(pairs, row, |pair| (pair.of_table, &pair.hash_of_table))
}

/// The hash of the dimension's side of all pairs, for the row.
pub fn hash_of_dimension(pairs: &[HashedPair], row: PlaceRow) -> u64 {
    combined(pairs, row, |pair| (pair.of_dimension, &pair.hash_of_dimension))
}

/// The hash of one side of all pairs.
fn combined(
    pairs: &[HashedPair],
    row: PlaceRow,
    side: impl Fn(&HashedPair) -> (Expression, &Cell<FmgrInfo>),
) -> u64 {
    let hash = pairs.iter().fold(0_u64, |all, pair| {
        let (expression, kept) = side(pair);
        let mut function = kept.get();
        // SAFETY: the function is that of the operator for this side.
        let hash = expression.value().map_or(0, |value| unsafe {
            pg_sys::FunctionCall1Coll(&mut function, pair.collation, value).value() as u32 as u64 + 1
        });
        kept.set(function);
        all.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash
    });
    row.forget();
    hash
}
