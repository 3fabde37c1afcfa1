//! Expressions that a condition of a join says are equal, and their hashes.

use crate::pg::execution::scan_row::Expression;
use crate::pg::memory::region::Region;
use crate::pg::values::kept_function::{Hashing, OperatorSide};
use pgrx::pg_sys::Oid;

/// Two expressions that a condition says are equal, and the functions that hash their values.
pub struct HashedPair {
    of_table: (Expression, Hashing),
    of_dimension: (Expression, Hashing),
}

impl HashedPair {
    /// The pair that an operator compares, in a collation.
    pub fn new(
        (of_table, of_dimension): (Expression, Expression),
        (operator, collation): (Oid, Oid),
        table_is_left: bool,
        region: Region,
    ) -> HashedPair {
        use OperatorSide::{Left, Right};
        let (one, other) = if table_is_left { (Left, Right) } else { (Right, Left) };
        let with_hashing = |expression: Expression, side| {
            (expression, Hashing::of(operator, side, collation, expression.type_oid(), region))
        };
        HashedPair { of_table: with_hashing(of_table, one), of_dimension: with_hashing(of_dimension, other) }
    }
}

/// The hash of the table's side of all pairs, for the row of the scan.
pub fn hash_of_table(pairs: &[HashedPair]) -> u64 {
    combined(pairs.iter().map(|pair| &pair.of_table))
}

/// The hash of the dimension's side of all pairs, for the row of the scan.
pub fn hash_of_dimension(pairs: &[HashedPair]) -> u64 {
    combined(pairs.iter().map(|pair| &pair.of_dimension))
}

/// The hash of one side of all pairs.
fn combined<'a>(sides: impl Iterator<Item = &'a (Expression, Hashing)>) -> u64 {
    sides.fold(0_u64, |all, (expression, hashing)| {
        all.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ expression.hash(hashing)
    })
}
