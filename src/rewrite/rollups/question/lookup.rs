//! Series that a query names: they are looked up by their key, where all others would be enumerated and refused.

use super::joins::Equality;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::lookup::element_type;
use crate::pg::server::operator::{is_deterministic, order_of, strategy_in};
use crate::powertree::model::key::KeyColumn;
use pgrx::pg_sys::{self, Oid, OpExpr, RelabelType, ScalarArrayOpExpr, Var};

/// A value, or one of several, that a column of the series is equal to.
#[derive(Clone, Copy)]
pub struct Lookup<'q> {
    pub node: NodeRef<'q>,
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

impl<'q> Lookup<'q> {
    /// Finds what a condition of the query, in which the table has this number, says that the column is equal to; None if it
    /// says anything else.
    pub fn of(condition: NodeRef<'q>, key: &KeyColumn, relation: i32) -> Option<Lookup<'q>> {
        Lookup::compared(condition, key, relation).filter(|found| !found.node.has_columns())
    }

    /// Finds what a condition of the join of the table, which has this number, with a dimension says that the column is equal
    /// to in the rows of the dimension.
    pub fn in_rows(
        equality: &Equality,
        condition: NodeRef<'q>,
        key: &KeyColumn,
        relation: i32,
        dimension: usize,
    ) -> Option<Lookup<'q>> {
        let is_side = |found: &Lookup| found.node.pointer() == equality.of_dimension.pointer();
        Lookup::compared(condition, key, relation)
            .filter(|found| is_side(found) && found.source == LookupSource::One)
            .map(|found| Lookup { source: LookupSource::Rows(dimension), ..found })
    }

    /// The other side of a comparison with the column.
    fn compared(condition: NodeRef<'q>, key: &KeyColumn, relation: i32) -> Option<Lookup<'q>> {
        let (operator, collation, arguments, is_array) =
            match (condition.cast::<OpExpr>(), condition.cast::<ScalarArrayOpExpr>()) {
                (Some(call), _) => (call.opno, call.inputcollid, call.list(|call| &call.args), false),
                (_, Some(call)) if call.useOr => {
                    (call.opno, call.inputcollid, call.list(|call| &call.args), true)
                }
                _ => return None,
            };
        let [left, right] = arguments.only()?;
        let other = match () {
            () if is_column(left, key, relation) => right,
            () if is_column(right, key, relation) && !is_array => left,
            () => return None,
        };
        let type_oid = if is_array { element_type(other.type_oid()) } else { other.type_oid() };
        let source = if is_array { LookupSource::Array } else { LookupSource::One };
        compares_keys(operator, collation, key, type_oid).then_some(Lookup { node: other, source })
    }
}

/// Whether a node is the column, perhaps as another type of the same bytes.
fn is_column(node: NodeRef, key: &KeyColumn, relation: i32) -> bool {
    if let Some(label) = node.cast::<RelabelType>() {
        return label.node(|label| &label.arg).is_some_and(|below| is_column(below, key, relation));
    }
    node.cast::<Var>().is_some_and(|column| {
        i64::from(column.varno) == i64::from(relation) && column.varattno == key.column.number
    })
}

/// Whether an operator finds those values of the column equal that have the same bytes as a value of this type.
fn compares_keys(operator: Oid, collation: Oid, key: &KeyColumn, type_oid: Oid) -> bool {
    let is_text = |one: &Oid| [pg_sys::TEXTOID, pg_sys::VARCHAROID].contains(one);
    let same_bytes = type_oid == key.column.type_oid || [type_oid, key.column.type_oid].iter().all(is_text);
    let is_equality = |family| strategy_in(family, operator) == pg_sys::BTEqualStrategyNumber;
    same_bytes && order_of(type_oid).is_some_and(is_equality) && is_deterministic(collation)
}
