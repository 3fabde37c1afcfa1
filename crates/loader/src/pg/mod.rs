//! The loader's side of PostgreSQL: its schema, the catalog, and what to do about errors.

mod catalog;
mod offsets;
mod state;

use tokio_postgres::error::SqlState;
use tokio_postgres::Error;

pub use catalog::{check_schema, qualify, FoundColumn, FoundTable};
pub use offsets::{
    claim, claimed, ensure_positions, move_position, sessions, skip, without_positions, Position,
};
pub use state::{ensure_schema, keep_schemas, known_schemas, lock_table, record, recorded, recorded_if_any};
pub use tally_postgres::{error_kind, explain, refused_line, Connector};

use crate::observe;
use tally_postgres::own_tables::Owner;
use tally_postgres::Failure;
use tally_rows::config::Database;

/// The schema of the loader's own tables, as failures name it.
pub const OUR_SCHEMA: &str = "schema loader";

/// Creates the connector of a job.
pub fn connector(database: &Database, job: &str) -> Result<Connector, Failure> {
    let connector = database.connector(job)?.keeping("loader", Owner::User);
    Ok(connector.on_connect(observe::database_connected))
}

/// Returns the failure for an error of the server or the connection; `place` is the object it concerns.
pub fn failure(place: &str, error: &Error) -> Failure {
    let failure = Failure::new(explain(error)).at(place).of_kind(error_kind(error));
    match error.code() {
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE && place == OUR_SCHEMA => failure.mend(
            "GRANT the loader's role CREATE ON DATABASE for its first start; if another role made \
                 the schema, USAGE on it and SELECT, INSERT, UPDATE on its tables",
        ),
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            failure.mend("GRANT this privilege to the loader's role")
        }
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            failure.mend("connect to the primary server; this one is a replica or read-only")
        }
        Some(code) if *code == SqlState::INVALID_SCHEMA_NAME => {
            failure.mend("run CREATE SCHEMA, or set `table` of the topic to another one")
        }
        None => failure.mend("check that `database` in the configuration is right and the server is running"),
        Some(_) => failure,
    }
}
