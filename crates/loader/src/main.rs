//! The `tally` command.

mod broker;
mod check;
mod cli;
mod config;
mod copy;
mod decode;
mod definition;
mod demo;
mod failure;
mod kafka;
mod load;
mod pg;
mod plan;
mod registry;
mod simulate;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    log_to_stderr();
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tally: {failure}");
            failure.exit_code()
        }
    }
}

/// Events go to standard error, so that standard output stays for results; `RUST_LOG` chooses which.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
