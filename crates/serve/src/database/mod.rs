//! The database: a pool of connections for each user, and transactions that are cancelled when nobody waits for them.

mod pool;
mod transaction;

pub use pool::{Limits, Pool, Running};
pub use transaction::{Mode, Transaction};
