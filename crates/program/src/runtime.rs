//! The asynchronous runtime for connections to PostgreSQL.

use tally_postgres::Failure;

/// Creates a runtime with one thread, which is all that a connection needs.
pub fn single_threaded() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::new)
}
