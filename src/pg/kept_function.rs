//! Functions of operators that are looked up once and called for many values.

use super::error::defect;
use super::region::Region;
use super::value::Value;
use pgrx::pg_sys::{self, Datum, FmgrInfo, Oid};
use std::cell::Cell;

/// The function of an operator that compares values of one type, in a collation.
pub struct Comparing {
    function: KeptFunction,
    type_oid: Oid,
}

/// The function that hashes values of one side of an operator for equality, in a collation.
pub struct Hashing {
    function: KeptFunction,
    type_oid: Oid,
}

/// A side of an operator.
#[derive(Clone, Copy, PartialEq)]
pub enum OperatorSide {
    Left,
    Right,
}

impl Comparing {
    /// The function of an operator, for values of this type on both sides. What PostgreSQL remembers for it is in the region.
    pub fn of(operator: Oid, collation: Oid, type_oid: Oid, region: Region) -> Comparing {
        // SAFETY: PostgreSQL looks the operator up, or raises an error.
        let (function, result) = unsafe { (pg_sys::get_opcode(operator), pg_sys::get_op_rettype(operator)) };
        if sides(operator).iter().any(|&side| !takes(side, type_oid)) || result != pg_sys::BOOLOID {
            defect("an operator for values of another type");
        }
        Comparing { function: KeptFunction::of(function, collation, region), type_oid }
    }

    /// Whether the operator holds between two values.
    pub fn holds(&self, one: Value, other: Value) -> bool {
        if one.type_oid() != self.type_oid || other.type_oid() != self.type_oid {
            defect("a value of another type than its operator's");
        }
        // SAFETY: the values are of the type, which the operator takes.
        unsafe { self.function.call_2(one.datum(), other.datum()).value() != 0 }
    }
}

impl Hashing {
    /// The function for one side of an operator by which values can be hashed, which has values of this type there. What PostgreSQL remembers for it is
    /// in the region.
    pub fn of(operator: Oid, side: OperatorSide, collation: Oid, type_oid: Oid, region: Region) -> Hashing {
        let (mut left, mut right) = (Oid::INVALID, Oid::INVALID);
        // SAFETY: PostgreSQL looks the functions up, and fills in what it finds.
        let is_found = unsafe { pg_sys::get_op_hash_functions(operator, &mut left, &mut right) };
        let [left_type, right_type] = sides(operator);
        let (function, declared) = match side {
            OperatorSide::Left => (left, left_type),
            OperatorSide::Right => (right, right_type),
        };
        if !is_found || !takes(declared, type_oid) {
            defect("an operator by which values cannot be hashed");
        }
        Hashing { function: KeptFunction::of(function, collation, region), type_oid }
    }

    /// The hash of a value; 0 for NULL alone.
    pub fn hash(&self, value: Option<Value>) -> u64 {
        let Some(value) = value else { return 0 };
        if value.type_oid() != self.type_oid {
            defect("a value of another type than its operator's");
        }
        // SAFETY: the value is of the type, which the operator takes on this side.
        unsafe { u64::from(self.function.call_1(value.datum()).value() as u32) + 1 }
    }
}

/// The types of both sides of an operator.
fn sides(operator: Oid) -> [Oid; 2] {
    let (mut left, mut right) = (Oid::INVALID, Oid::INVALID);
    // SAFETY: PostgreSQL looks the operator up, or raises an error.
    unsafe { pg_sys::op_input_types(operator, &mut left, &mut right) };
    [left, right]
}

/// Whether values of a type are ones of the type that a side of an operator is declared with.
fn takes(declared: Oid, type_oid: Oid) -> bool {
    // SAFETY: PostgreSQL looks the types up.
    declared == type_oid || unsafe { pg_sys::IsBinaryCoercible(type_oid, declared) }
}

/// A function, with what it remembers from call to call.
struct KeptFunction {
    function: Cell<FmgrInfo>,
    collation: Oid,
}

impl KeptFunction {
    fn of(function: Oid, collation: Oid, region: Region) -> KeptFunction {
        let mut info = FmgrInfo::default();
        // SAFETY: PostgreSQL looks the function up, and keeps what it knows of it in the region, which is there as long as it is used.
        unsafe { pg_sys::fmgr_info_cxt(function, &mut info, region.context()) };
        KeptFunction { function: Cell::new(info), collation }
    }

    /// # Safety
    /// The function takes one argument, which is of its type.
    unsafe fn call_1(&self, one: Datum) -> Datum {
        // SAFETY: the caller's argument; the function lies where nobody else writes during the call.
        unsafe { pg_sys::FunctionCall1Coll(self.function.as_ptr(), self.collation, one) }
    }

    /// # Safety
    /// The function takes two arguments, which are of its types.
    unsafe fn call_2(&self, one: Datum, other: Datum) -> Datum {
        // SAFETY: the caller's arguments; the function lies where nobody else writes during the call.
        unsafe { pg_sys::FunctionCall2Coll(self.function.as_ptr(), self.collation, one, other) }
    }
}
