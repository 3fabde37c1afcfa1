//! Commands: trees are made, rebuilt and dropped, and follow what is done to their tables.

mod events;
mod inspection;
mod leaving;
mod lifecycle;
pub mod touched;
