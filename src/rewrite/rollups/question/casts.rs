//! Casts of numbers that keep the value.

use crate::pg::nodes::tree::NodeRef;
use pgrx::pg_sys::{FuncExpr, RelabelType};

/// The expression below a cast to double precision that may round its value, and those that keep it.
pub fn below_rounding(argument: NodeRef) -> Option<NodeRef> {
    const BIGINT: u32 = 482;
    const NUMERIC: u32 = 1746;
    let call = argument.cast::<FuncExpr>()?;
    let [inner] = call.list(|call| &call.args).only()?;
    [BIGINT, NUMERIC].contains(&call.funcid.to_u32()).then(|| bare(inner))
}

/// The expression below casts that keep its value.
pub fn bare(argument: NodeRef) -> NodeRef {
    // Integers and real to wider types; not bigint to double precision, which may have fewer digits.
    const EXACT: [u32; 10] = [313, 754, 481, 236, 235, 316, 311, 1782, 1740, 1781];
    let label = argument.cast::<RelabelType>().and_then(|label| label.node(|label| &label.arg));
    let call = argument.cast::<FuncExpr>().filter(|call| EXACT.contains(&call.funcid.to_u32()));
    let inner = label.or_else(|| call?.list(|call| &call.args).iter().next());
    inner.map_or(argument, bare)
}
