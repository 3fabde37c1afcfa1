//! PostgreSQL: connecting, and saying what it said.

mod catalog;
mod connector;
mod conninfo;
mod offsets;
mod passfile;
mod state;
mod tls;
mod unreachable;
mod verdict;

use std::error::Error as _;

use tokio_postgres::error::SqlState;
use tokio_postgres::Error;

pub use catalog::{check_schema, qualify, Found, FoundColumn};
pub use connector::Connector;
pub use offsets::{
    claim, claimed, ensure_positions, move_position, sessions, skip, without_positions, Position,
};
pub use state::{ensure_schema, keep_schemas, known_schemas, lock_table, record, recorded};
pub use verdict::{refused_line, verdict, Verdict};

use crate::failure::Failure;

/// Where the loader keeps what it needs, as a failure names the place.
pub const OUR_SCHEMA: &str = "schema loader";

/// The failure for an error that the user has to mend; `place` says during what.
pub fn failure(place: &str, error: &Error) -> Failure {
    let failure = Failure::new(explain(error)).at(place);
    match error.code() {
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE && place == OUR_SCHEMA => failure.mend(
            "GRANT the loader's role CREATE ON DATABASE for its first start; if another role made \
                 the schema, USAGE on it and SELECT, INSERT, UPDATE on its tables",
        ),
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            failure.mend("GRANT the loader's role this right")
        }
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            failure.mend("connect to the primary server; this one is a replica or set read-only")
        }
        Some(code) if *code == SqlState::INVALID_SCHEMA_NAME => {
            failure.mend("CREATE SCHEMA it, or set `table` of the topic to another place")
        }
        None => failure.mend("check `database` in the configuration, and that the server is running"),
        Some(_) => failure,
    }
}

/// What an error says, in one phrase: the server's own words, or the deepest cause.
pub fn explain(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        let detail = db.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        // The error itself was lost between two statements.
        let cause = match *db.code() {
            SqlState::IN_FAILED_SQL_TRANSACTION => {
                "; a statement before was cancelled, by statement_timeout or by another session"
            }
            _ => "",
        };
        return format!("{}{detail}{cause} [{}]", db.message(), db.code().code());
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
