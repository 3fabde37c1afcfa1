//! Nodes of our own while a plan runs.

pub mod alike;
pub mod copies;
pub mod custom;
pub mod executor;
pub mod explain;
pub mod input_plan;
pub mod queue;
pub mod scan_row;
pub mod stored_rows;
