//! The database: a pool of connections for each user, transactions that are cancelled when nobody waits for them, and the
//! service's own tables.

mod pool;
mod report_tables;
mod transaction;

pub use pool::{Limits, Pool, Running};
pub use report_tables::REPORT_TABLES;
pub use transaction::{Mode, Transaction};
