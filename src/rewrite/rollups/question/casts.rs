//! Casts of numbers that keep the value.

use crate::pg::list::items;
use pgrx::pg_sys::{FuncExpr, Node, NodeTag, RelabelType};

/// The expression below casts that keep its value.
///
/// # Safety
/// An expression of the query.
pub unsafe fn bare(argument: *mut Node) -> *mut Node {
    // Integers and real to wider types; not bigint to double precision, which may have fewer digits.
    const EXACT: [u32; 10] = [313, 754, 481, 236, 235, 316, 311, 1782, 1740, 1781];
    // SAFETY: the tag says which structure a node begins.
    unsafe {
        match (*argument).type_ {
            NodeTag::T_RelabelType => bare((*argument.cast::<RelabelType>()).arg.cast()),
            NodeTag::T_FuncExpr => {
                let call = argument.cast::<FuncExpr>();
                match items::<Node>((*call).args).next() {
                    Some(inner) if EXACT.contains(&(*call).funcid.to_u32()) => bare(inner),
                    _ => argument,
                }
            }
            _ => argument,
        }
    }
}
