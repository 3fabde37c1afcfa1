//! The `tally` command.

use std::process::ExitCode;

use clap::Parser;
use tally_loader::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tally_loader::log(cli.log_format);
    tally_loader::conclude("tally", cli.run())
}
