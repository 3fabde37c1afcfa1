//! Errors of PostgreSQL, for the user.

use tally_postgres::{error_kind, explain, Failure};
use tokio_postgres::Error;

/// Returns the failure for an error of the server or the connection.
pub fn of_server(error: &Error) -> Failure {
    Failure::new(explain(error)).of_kind(error_kind(error))
}
