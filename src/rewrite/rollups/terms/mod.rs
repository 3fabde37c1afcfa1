//! Terms of all rooms of the answered queries: shapes, results of aggregates, and the reasons why a tree does not answer.

pub mod join;
pub mod reason;
pub mod results;
pub mod shape;
