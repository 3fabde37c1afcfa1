//! The power tree: a base-10 tree of tallies over a table, whose answers are never stale. Leaves cover fixed ranges of
//! positions; every node above covers ten children.
//!
//! Writers only append: [`capture`] is the trigger that logs, for each statement, what it added to each leaf, or that a
//! leaf has changed. [`compact`] folds the log into the nodes, in one snapshot. A reader, [`read`], adds up the nodes,
//! the part of the log that its snapshot sees, and the rows of the base table at the cut edges; dirty leaves and spans
//! are read from the base table.

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
