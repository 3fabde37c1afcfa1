//! The base table of a tree: which tables are suitable, the queries on it, its triggers, and the extent of its
//! partitions.

mod archived;
pub mod extent;
pub mod progress;
pub mod query;
pub mod rows;
pub mod spots;
mod statement;
pub mod statistics;
pub mod suitability;
pub mod triggers;
