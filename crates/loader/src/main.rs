//! The `tally` command.

use std::process::ExitCode;

use clap::Parser;
use tally_loader::Cli;
use tally_program::{begin_events, conclude};

fn main() -> ExitCode {
    let cli = Cli::parse();
    begin_events(cli.log_format);
    conclude("tally", cli.run())
}
