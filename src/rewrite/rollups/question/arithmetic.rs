//! Arithmetic of which the sums follow from those of its operands.

use crate::pg::nodes::tree::{NodeList, NodeRef};
use pgrx::pg_sys::{self, OpExpr};

/// An operation, and how wide its results may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arithmetic {
    pub operation: Operation,
    /// The bytes of an integer; None for other numbers.
    pub width: Option<u32>,
    /// Whether results are numerics, to all of their digits.
    pub is_decimal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Negative,
    Plus,
    Minus,
    Times,
    /// Divided by; of double precision and numeric, as others are cut off.
    Over,
}

use Operation::*;

impl Arithmetic {
    /// The arithmetic of an operator, and its operands; None if it is anything else.
    pub fn of(node: NodeRef) -> Option<(Arithmetic, NodeList)> {
        let call = node.cast::<OpExpr>()?;
        let operation = operation(call.opfuncid.to_u32())?;
        let (width, is_decimal) = match node.type_oid() {
            pg_sys::INT2OID => (Some(2), false),
            pg_sys::INT4OID => (Some(4), false),
            pg_sys::INT8OID => (Some(8), false),
            other => (None, other == pg_sys::NUMERICOID),
        };
        Some((Arithmetic { operation, width, is_decimal }, call.list(|call| &call.args)))
    }

    /// Returns the arithmetic as a number in a plan.
    pub fn number(self) -> i32 {
        (self.operation as i32) << 8 | i32::from(self.is_decimal) << 4 | self.width.unwrap_or(0) as i32
    }

    pub fn from_number(number: i32) -> Arithmetic {
        let width = (number & 15) as u32;
        Arithmetic {
            operation: [Negative, Plus, Minus, Times, Over][(number >> 8) as usize],
            width: (width > 0).then_some(width),
            is_decimal: number & 16 != 0,
        }
    }
}

/// The operation of a function of PostgreSQL over numbers, whose OIDs are the same in all versions (pg_proc.dat). Other results of type
/// real have lost digits before they are added up.
fn operation(function: u32) -> Option<Operation> {
    Some(match function {
        // smallint, integer, bigint, double precision, numeric; real, which loses nothing
        213 | 212 | 462 | 220 | 1771 | 206 => Negative,
        176 | 177 | 463 | 218 | 1724 => Plus,
        180 | 181 | 464 | 219 | 1725 => Minus,
        152 | 141 | 465 | 216 | 1726 => Times,
        // smallint with integer and bigint, integer with bigint, either way
        178 | 179 | 837 | 841 | 1274 | 1278 => Plus,
        182 | 183 | 838 | 942 | 1275 | 1279 => Minus,
        170 | 171 | 839 | 943 | 1276 | 1280 => Times,
        // real with double precision, either way
        281 | 285 => Plus,
        282 | 286 => Minus,
        279 | 283 => Times,
        217 | 280 | 284 | 1727 => Over,
        _ => return None,
    })
}
