//! Copies of values of the ordering column, which outlive their rows.

use super::input::Input;
use crate::pg::column::passing_of;
use crate::pg::copies::{Copied, Copies};
use crate::pg::tree::{NodeList, NodeRef};
use crate::pg::value::StoredValue;
use pgrx::pg_sys::{Datum, Oid, TargetEntry};

/// The ordering column of a frame that depends on its values.
pub struct OrderingColumn {
    /// The number of the column, counted from one.
    pub number: i16,
    length: i16,
    by_value: bool,
}

impl OrderingColumn {
    /// Finds the one ordering column of a RANGE frame with an offset.
    pub fn of(input: &Input) -> OrderingColumn {
        // SAFETY: a WindowAgg with such a frame has an ordering column, which is a target of the input's plan.
        let (number, targets) = unsafe {
            let targets = NodeRef::new((*(*input.rows).plan).targetlist.cast());
            (*input.definition.window.ordColIdx, targets.map(NodeList::of))
        };
        let column = targets.and_then(|targets| targets.all::<TargetEntry>().nth(number as usize - 1));
        let value = column.and_then(|column| column.node(|column| &column.expr));
        let (length, by_value) = passing_of(value.map_or(Oid::INVALID, |value| value.type_oid()));
        OrderingColumn { number, length, by_value }
    }

    /// A value of the column.
    ///
    /// # Safety
    /// The value has the column's type, and lives for `'v`.
    #[inline]
    pub unsafe fn stored<'v>(&self, value: Datum) -> StoredValue<'v> {
        // SAFETY: the caller's value is as long as its type says.
        unsafe { StoredValue::new(value, self.length, self.by_value) }
    }
}

/// A copy of a value.
pub enum OrderingKey {
    ByValue(Datum),
    ByReference(Copied),
}

impl OrderingKey {
    /// Copies a value of the column.
    #[inline]
    pub fn copy(value: StoredValue, copies: Copies) -> OrderingKey {
        match value.word() {
            Some(word) => OrderingKey::ByValue(Datum::from(word)),
            None => OrderingKey::ByReference(copies.copy(value)),
        }
    }

    #[inline]
    pub fn datum(&self) -> Datum {
        match self {
            OrderingKey::ByValue(datum) => *datum,
            OrderingKey::ByReference(copied) => copied.datum(),
        }
    }
}
