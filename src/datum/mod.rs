//! Values as PostgreSQL passes them and the mathematics takes them: what the features share of the type `tally`.

pub mod number;
pub mod sliding;
pub mod tally;
