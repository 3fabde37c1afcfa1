//! The types of columns, from all of their values.

mod evidence;
mod kind;

pub use evidence::ColumnEvidence;
pub use kind::Kind;
