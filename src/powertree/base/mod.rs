//! The base table of a tree: the queries that it answers, the triggers that it has, and what a partition of it holds.

pub mod extent;
pub mod progress;
pub mod query;
mod statement;
pub mod statistics;
pub mod suitability;
pub mod triggers;
