//! The database: a pool of connections for each user, and transactions that are cancelled when nobody waits for them;
//! and whether the service's own tables are to be trusted.

mod pool;
mod transaction;
mod trust;

pub use pool::{Limits, Pool, Running};
pub use transaction::{Mode, Transaction};
pub use trust::{are_there, WHOSE};
