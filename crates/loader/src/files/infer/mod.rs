//! The types of columns, from all of their values.

mod evidence;
mod kind;
mod moment;

pub use evidence::Evidence;
pub use kind::Kind;
pub use moment::Moment;
