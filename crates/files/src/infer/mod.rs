//! Inference of column types from all values.

mod column;
mod evidence;
mod kind;

pub use column::{Evidence, SeenColumn};
pub use evidence::ColumnEvidence;
pub use kind::Kind;
