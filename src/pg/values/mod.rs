//! Values that know their type, and rows of them.

pub mod builtin;
pub mod kept_function;
pub mod row;
pub mod value;
