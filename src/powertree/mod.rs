//! The power tree: a base-10 tree of tallies over a table, whose answers are never stale. Leaves cover fixed ranges of
//! positions; every node above covers ten children.
//!
//! Writers only append: [`capture`] is the trigger that logs, for each statement, what it added to each leaf, or that a
//! leaf changed. [`compact`] folds the log into the nodes, in one snapshot. A reader, [`read`], adds up nodes, the
//! log that it sees, and the rows of the base table at the cut edges; whatever the tree cannot answer for, a dirty
//! leaf or a dirty span of them, it reads from the base.

mod base;
mod capture;
mod compact;
mod ddl;
pub mod model;
mod read;
mod store;

pub use compact::launcher::register as register_workers;
pub use read::cells;

/// Registers callbacks for changes of tables and ends of transactions; once, when the library is loaded.
pub fn watch() {
    store::generation::watch();
    ddl::touched::watch();
    store::writing::watch();
    capture::cut_short::watch();
}
