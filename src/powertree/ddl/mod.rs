//! Commands: the functions that make, rebuild and drop trees, and the event triggers that follow DDL on their tables.

mod archive;
mod events;
mod inspection;
mod leaf;
mod leaving;
mod lifecycle;
pub mod touched;
