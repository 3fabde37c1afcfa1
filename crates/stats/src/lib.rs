//! The mathematics of pg_tally: no PostgreSQL, no I/O.

mod accessors;
mod bounds;
mod cascade;
mod dd;
mod decimal;
pub mod detector;
mod eft;
mod exact;
mod extreme;
mod flags;
pub mod fleet;
mod linear;
mod moments;
mod number;
mod order;
mod parts;
mod scale;
mod sliding;
mod student;
mod summary;
mod tally;
mod text;
pub mod tree;
mod wire;

pub use dd::Dd;
pub use decimal::{split_decimal, split_integer};
pub use exact::{Decimal, Unit};
pub use extreme::Extreme;
pub use moments::Impossible;
pub use number::Number;
pub use parts::Parts;
pub use sliding::{Sliding, Summary};
pub use student::{MeanInterval, WelchTest};
pub use tally::{NotAPart, Tally};
pub use text::TextError;
pub use wire::WireError;
