//! The loader: Kafka topics and files into PostgreSQL, exactly once.
//!
//! The program `tally` is [`Cli`]; everything else that is public is shared with its companion programs.

mod check;
mod cli;
mod config;
mod decode;
mod definition;
mod exit;
mod files;
mod job;
mod kafka;
mod load;
mod market;
mod objects;
mod observe;
mod pg;
mod plan;
mod registry;
mod runtime;
mod size;
mod status;
mod stop;
mod store;

use std::process::ExitCode;

pub use cli::Cli;
pub use config::{Database, RegistryConfig};
pub use observe::{log, LogFormat};
pub use pg::connector;
pub use registry::register;
pub use size::bytes;
pub use tally_postgres::{Connector, ErrorKind, Failure};

/// Returns the exit code of a program; writes a failure to standard error, in the format chosen for logs.
pub fn conclude(program: &str, outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if observe::is_json() {
                tracing::error!("{failure}");
            } else {
                eprintln!("{program}: {failure}");
            }
            failure.exit_code()
        }
    }
}
