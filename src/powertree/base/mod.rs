//! The base table of a tree: which tables are suitable, the queries on it, its triggers, and the extent of its
//! partitions.

pub mod extent;
pub mod progress;
pub mod query;
pub mod spots;
mod statement;
pub mod statistics;
pub mod suitability;
pub mod triggers;
