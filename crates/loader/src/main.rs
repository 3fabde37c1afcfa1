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
mod files;
mod kafka;
mod load;
mod observe;
mod pg;
mod plan;
mod registry;
mod simulate;
mod size;
mod status;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    observe::log(cli.log_format);
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if observe::is_json() {
                tracing::error!("{failure}");
            } else {
                eprintln!("tally: {failure}");
            }
            failure.exit_code()
        }
    }
}
