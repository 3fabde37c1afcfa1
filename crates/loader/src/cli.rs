//! The command line.

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Loads Kafka topics into PostgreSQL, exactly once.
#[derive(Parser)]
#[command(name = "tally", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {}

impl Cli {
    /// Carries out the command that was asked for.
    pub fn run(self) -> Result<(), Failure> {
        match self.command {}
    }
}
