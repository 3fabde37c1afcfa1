//! Compaction: folds the log into the nodes, on CALL or when a background worker finds it due.

mod compaction;
mod folding;
pub mod launcher;
mod worker;
