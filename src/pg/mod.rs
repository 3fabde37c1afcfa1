//! PostgreSQL's interfaces as all features use them: the ground floor, which knows none of the features.

pub mod calls;
pub mod execution;
pub mod memory;
pub mod nodes;
pub mod planning;
pub mod server;
pub mod tables;
pub mod values;
