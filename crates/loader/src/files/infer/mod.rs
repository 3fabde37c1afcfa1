//! Inference of column types from all values.

mod evidence;
mod kind;

pub use evidence::ColumnEvidence;
pub use kind::Kind;
