//! The types of columns, from all of their values.

mod evidence;
mod kind;

pub use evidence::Evidence;
pub use kind::Kind;
