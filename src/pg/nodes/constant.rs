//! Constants in expressions, read by their type.

use super::tree::NodeRef;
use crate::pg::values::value::Value;
use pgrx::pg_sys::{self, Const, Oid};

impl<'t> NodeRef<'t> {
    /// A constant that is not NULL; None for everything else.
    fn constant(self) -> Option<NodeRef<'t, Const>> {
        self.cast::<Const>().filter(|constant| !constant.constisnull)
    }

    /// Whether an expression is a constant that is not NULL.
    pub fn is_constant(self) -> bool {
        self.constant().is_some()
    }

    /// Whether an expression is the constant NULL.
    pub fn is_null(self) -> bool {
        self.cast::<Const>().is_some_and(|constant| constant.constisnull)
    }

    /// The value of a constant of this type, which is passed by value; None for everything else.
    pub fn constant_word(self, type_oid: Oid) -> Option<usize> {
        let constant = self.constant().filter(|one| one.consttype == type_oid && one.constbyval)?;
        Some(constant.constvalue.value())
    }

    /// The text of a constant of this type; None for everything else.
    pub fn constant_text(self, type_oid: Oid) -> Option<String> {
        Some(self.value_of(type_oid)?.to_text())
    }

    /// The interval that a constant is; None for everything else.
    pub fn constant_interval(self) -> Option<pg_sys::Interval> {
        self.value_of(pg_sys::INTERVALOID)?.interval()
    }

    /// The value of a constant of this type, which lives as long as the tree.
    fn value_of(self, type_oid: Oid) -> Option<Value> {
        let constant = self.constant().filter(|one| one.consttype == type_oid)?;
        // SAFETY: a constant that is not NULL has a value of its type.
        Some(unsafe { Value::new(type_oid, constant.constvalue) })
    }
}
