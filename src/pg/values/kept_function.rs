//! Functions of operators that are looked up once and called for many values.

use super::value::{LentValue, Value};
use crate::pg::memory::region::Region;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::server::operator::{function_of, hash_functions_of, types_of};
use pgrx::pg_sys::{self, FmgrInfo, Oid};
use std::cell::Cell;

// PostgreSQL defines these functions with these arguments, in which any number may stand for a type or a function. What it
// remembers of a function is in the region.
unsafe extern "C-unwind" {
    safe fn IsBinaryCoercible(type_oid: Oid, declared: Oid) -> bool;
    safe fn fmgr_info_cxt(function: Oid, info: &mut FmgrInfo, region: Region);
}

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
        let (sides, result) = types_of(operator);
        if sides.iter().any(|&side| !takes(side, type_oid)) || result != pg_sys::BOOLOID {
            defect("an operator for values of another type");
        }
        Comparing { function: KeptFunction::of(function_of(operator), collation, region), type_oid }
    }

    /// Whether the operator holds between two values.
    pub fn holds(&self, one: Value, other: Value) -> bool {
        if one.type_oid() != self.type_oid || other.type_oid() != self.type_oid {
            defect("a value of another type than its operator's");
        }
        let KeptFunction { function, collation } = &self.function;
        // SAFETY: the values are of the type, which the operator takes.
        let holds =
            unsafe { pg_sys::FunctionCall2Coll(function.as_ptr(), *collation, one.datum(), other.datum()) };
        holds.value() != 0
    }
}

impl Hashing {
    /// The function for one side of an operator by which values can be hashed, which has values of this type there. What PostgreSQL remembers for it is
    /// in the region.
    pub fn of(operator: Oid, side: OperatorSide, collation: Oid, type_oid: Oid, region: Region) -> Hashing {
        let place = side as usize;
        let declared = types_of(operator).0[place];
        let Some(functions) = hash_functions_of(operator).filter(|_| takes(declared, type_oid)) else {
            defect("an operator by which values cannot be hashed")
        };
        Hashing { function: KeptFunction::of(functions[place], collation, region), type_oid }
    }

    /// The hash of a value; 0 for NULL alone.
    pub fn hash(&self, value: Option<LentValue>) -> u64 {
        let Some(value) = value else { return 0 };
        if value.type_oid() != self.type_oid {
            defect("a value of another type than its operator's");
        }
        let KeptFunction { function, collation } = &self.function;
        // SAFETY: the value is of the type, which the operator takes on this side.
        let hash = unsafe { pg_sys::FunctionCall1Coll(function.as_ptr(), *collation, value.datum()) };
        u64::from(hash.value() as u32) + 1
    }
}

/// Looks a function up; what PostgreSQL remembers of it is in the region.
pub fn find(function: Oid, info: &mut FmgrInfo, region: Region) {
    caught(|| fmgr_info_cxt(function, info, region));
}

/// Whether values of a type are ones of the type that a side of an operator is declared with.
fn takes(declared: Oid, type_oid: Oid) -> bool {
    declared == type_oid || caught(|| IsBinaryCoercible(type_oid, declared))
}

/// A function, with what it remembers from call to call.
struct KeptFunction {
    /// Lies where nobody else writes during a call.
    function: Cell<FmgrInfo>,
    collation: Oid,
}

impl KeptFunction {
    fn of(function: Oid, collation: Oid, region: Region) -> KeptFunction {
        let mut info = FmgrInfo::default();
        find(function, &mut info, region);
        KeptFunction { function: Cell::new(info), collation }
    }
}
