//! Archived rows: leaves that are kept although their rows have gone from the table, and where they are. Nothing can
//! compute them again: both tables are dumped with the database.

mod leaves;
mod runs;

pub use leaves::{Archive, SeriesLeaves};
pub use runs::{add_run, runs, runs_of_each, take_run, ArchivedRun};
