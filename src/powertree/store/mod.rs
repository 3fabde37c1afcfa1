//! The tables of the extension that hold trees: one file for each table, which alone knows its columns.

pub mod archive;
pub mod barrier;
pub mod definition;
pub mod failure;
pub mod generation;
pub mod log;
pub mod nodes;
pub mod series;
pub mod span;
pub mod state;
pub mod tables;
pub mod writing;
