//! Series that a query names: they are looked up by their key, where all others would be enumerated and refused.

use super::joins::Equality;
use crate::pg::expression::order_of;
use crate::pg::list::items;
use crate::powertree::model::key::KeyColumn;
use pgrx::pg_sys::{self, Node, NodeTag, Oid, OpExpr, RelabelType, ScalarArrayOpExpr, Var};

/// A value, or one of several, that a column of the series is equal to.
#[derive(Clone, Copy)]
pub struct Lookup {
    pub node: *mut Node,
    pub source: LookupSource,
}

/// The number of values that an expression stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupSource {
    One,
    /// The members of an array.
    Array,
    /// One for each row of the dimension at this place.
    Rows(usize),
}

impl LookupSource {
    /// Returns the source as a number in a plan.
    pub fn number(self) -> i32 {
        match self {
            LookupSource::One => 0,
            LookupSource::Array => 1,
            LookupSource::Rows(dimension) => dimension as i32 + 2,
        }
    }

    pub fn from_number(number: i32) -> LookupSource {
        match number {
            0 => LookupSource::One,
            1 => LookupSource::Array,
            number => LookupSource::Rows(number as usize - 2),
        }
    }
}

impl Lookup {
    /// Finds what a condition says that the column is equal to; None if it says anything else.
    ///
    /// # Safety
    /// A condition of the query in which the table has this number.
    pub unsafe fn of(condition: *mut Node, key: &KeyColumn, relation: i32) -> Option<Lookup> {
        // SAFETY: the caller's condition is an expression of the query, which the planner keeps.
        unsafe {
            let found = Lookup::compared(condition, key, relation);
            found.filter(|found| !pg_sys::contain_var_clause(found.node))
        }
    }

    /// Finds what a condition says that the column is equal to in the rows of a dimension.
    ///
    /// # Safety
    /// A condition of the join of the table, which has this number, with the dimension.
    pub unsafe fn in_rows(
        equality: &Equality,
        condition: *mut Node,
        key: &KeyColumn,
        relation: i32,
        dimension: usize,
    ) -> Option<Lookup> {
        // SAFETY: the caller's condition is an expression of the query, which the planner keeps.
        let found = unsafe { Lookup::compared(condition, key, relation) };
        found
            .filter(|found| found.node == equality.of_dimension && found.source == LookupSource::One)
            .map(|found| Lookup { source: LookupSource::Rows(dimension), ..found })
    }

    /// The other side of a comparison with the column.
    unsafe fn compared(condition: *mut Node, key: &KeyColumn, relation: i32) -> Option<Lookup> {
        // SAFETY: the tag says which structure a node begins.
        unsafe {
            let (operator, collation, arguments, is_array) = match (*condition).type_ {
                NodeTag::T_OpExpr => {
                    let call = condition.cast::<OpExpr>();
                    ((*call).opno, (*call).inputcollid, (*call).args, false)
                }
                NodeTag::T_ScalarArrayOpExpr => {
                    let call = condition.cast::<ScalarArrayOpExpr>();
                    if !(*call).useOr {
                        return None;
                    }
                    ((*call).opno, (*call).inputcollid, (*call).args, true)
                }
                _ => return None,
            };
            let arguments: Vec<*mut Node> = items::<Node>(arguments).collect();
            let [left, right] = arguments[..] else { return None };
            let other = match () {
                () if is_column(left, key, relation) => right,
                () if is_column(right, key, relation) && !is_array => left,
                () => return None,
            };
            let source = if is_array { LookupSource::Array } else { LookupSource::One };
            compares_keys(operator, collation, key, other, is_array).then_some(Lookup { node: other, source })
        }
    }
}

/// Whether a node is the column, perhaps as another type of the same bytes.
unsafe fn is_column(node: *mut Node, key: &KeyColumn, relation: i32) -> bool {
    // SAFETY: the tag says which structure a node begins.
    unsafe {
        match (*node).type_ {
            NodeTag::T_RelabelType => is_column((*node.cast::<RelabelType>()).arg.cast(), key, relation),
            NodeTag::T_Var => {
                let column = node.cast::<Var>();
                i64::from((*column).varno) == i64::from(relation) && (*column).varattno == key.column.number
            }
            _ => false,
        }
    }
}

/// Whether an operator finds those values of the column equal that have the same bytes as the other side.
unsafe fn compares_keys(
    operator: Oid,
    collation: Oid,
    key: &KeyColumn,
    other: *mut Node,
    is_array: bool,
) -> bool {
    // SAFETY: PostgreSQL looks types and operators up.
    unsafe {
        let type_oid = pg_sys::exprType(other);
        let type_oid = if is_array { pg_sys::get_element_type(type_oid) } else { type_oid };
        let same_bytes = type_oid == key.column.type_oid
            || [type_oid, key.column.type_oid]
                .iter()
                .all(|one| [pg_sys::TEXTOID, pg_sys::VARCHAROID].contains(one));
        same_bytes
            && order_of(type_oid).is_some_and(|family| {
                pg_sys::get_op_opfamily_strategy(operator, family) as u32 == pg_sys::BTEqualStrategyNumber
            })
            && (collation == Oid::INVALID || pg_sys::get_collation_isdeterministic(collation))
    }
}
