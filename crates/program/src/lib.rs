//! Ground of the programs: events on standard error, exit codes, signals, systemd, and sizes on the command line.

mod logs;
mod runtime;
mod size;
mod stop;
pub mod systemd;

use std::process::ExitCode;

use tally_postgres::Failure;

pub use logs::{begin_events, is_json, LogFormat};
pub use runtime::single_threaded;
pub use size::bytes;
pub use stop::{Hangup, Stop};

/// Returns the exit code of a program; writes a failure to standard error, in the format chosen for logs.
pub fn conclude(program: &str, outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if is_json() {
                tracing::error!("{failure}");
            } else {
                eprintln!("{program}: {failure}");
            }
            failure.exit_code()
        }
    }
}
