//! The `tally-market` command: a simulated market, and with it a demonstration of the loader and the extension.

mod broker;
mod demo;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tally_postgres::Failure;
use tally_program::LogFormat;

/// Simulates a market for pg_tally to load, and demonstrates pg_tally with it.
#[derive(Parser)]
#[command(name = "tally-market", version)]
struct Cli {
    /// Format of events on standard error
    #[arg(long, global = true, value_name = "FORMAT", env = "TALLY_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Simulate(simulate::SimulateCommand),
    Demo(demo::DemoArgs),
    Broker(broker::BrokerArgs),
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Simulate(args) => simulate::run(args),
            Self::Demo(args) => demo::run(args),
            Self::Broker(args) => broker::run(args),
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tally_program::begin_events(cli.log_format);
    tally_program::conclude("tally-market", cli.command.run())
}
