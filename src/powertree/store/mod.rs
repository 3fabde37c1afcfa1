//! The tables of the extension in which trees are kept: one file for each table, which alone knows its columns.

pub mod failure;
pub mod log;
pub mod nodes;
pub mod span;
pub mod state;
pub mod tables;
