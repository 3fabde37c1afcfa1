//! The power tree: tallies of a table's leaves and of ten nodes each above them, never stale.
//!
//! Writers only append: [`capture`] is the trigger that logs, for each statement, what it added to each leaf, or that a
//! leaf changed. [`compaction`] folds the log into the nodes, in one snapshot. A reader, [`reading`], adds up nodes, the
//! log that it sees, and the rows of the base table at the cut edges; whatever the tree cannot answer for, a dirty
//! leaf or a dirty span of them, it reads from the base.

mod access;
mod argument;
mod base;
mod bucket;
mod capture;
mod catalog;
mod changes;
mod compaction;
mod definition;
mod events;
mod extent;
mod failure;
mod firing;
mod folding;
mod key;
mod launcher;
mod layout;
mod lifecycle;
mod log;
mod nodes;
mod overlay;
mod position;
mod progress;
mod queries;
mod reading;
mod relation;
mod rights;
mod span;
mod spi;
mod storage;
mod touched;
mod transition;
mod triggers;
mod value;
mod worker;
mod writing;

pub use launcher::register as register_workers;

/// Asks PostgreSQL to say what happens to tables and transactions; once, when the library is loaded.
pub fn watch() {
    catalog::watch();
    writing::watch();
}
