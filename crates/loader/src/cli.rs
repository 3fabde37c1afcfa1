//! The command line.

use clap::{Parser, Subcommand};
use tally_postgres::Failure;
use tally_program::LogFormat;

#[cfg(feature = "archive")]
use crate::archive;
#[cfg(feature = "events")]
use crate::events;
use crate::{check, load, market, plan, status};
#[cfg(feature = "files")]
use crate::{files, messages};

/// Loads Kafka topics into PostgreSQL, exactly once.
#[derive(Parser)]
#[command(name = "tally", version)]
pub struct Cli {
    /// Format of events on standard error
    #[arg(long, global = true, value_name = "FORMAT", env = "TALLY_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Load(Box<Load>),
    /// Convert files to Parquet, many small ones to few large ones
    #[cfg(feature = "files")]
    #[command(subcommand)]
    Convert(Box<files::ConvertCommand>),
    #[cfg(feature = "archive")]
    Archive(Box<tally_archive::ArchiveArgs>),
    #[cfg(feature = "serve")]
    Serve(Box<tally_serve::ServeArgs>),
    Check(check::CheckArgs),
    Plan(plan::PlanArgs),
    Replay(load::replay::ReplayArgs),
    Status(status::StatusArgs),
    Reset(load::reset::ResetArgs),
    /// Produce a simulated market to Kafka; runs tally-market
    #[command(disable_help_flag = true)]
    Simulate(market::MarketArgs),
    /// Simulate a market, load it and ask the first questions; runs tally-market
    #[command(disable_help_flag = true)]
    Demo(market::MarketArgs),
}

/// Load Kafka topics, or files, into PostgreSQL tables, exactly once.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Load {
    /// Load files instead of Kafka topics
    #[cfg(feature = "files")]
    #[command(subcommand)]
    files: Option<LoadFiles>,
    #[command(flatten)]
    topics: load::LoadArgs,
}

#[cfg(feature = "files")]
#[derive(Subcommand)]
enum LoadFiles {
    #[command(flatten)]
    Formats(Box<files::FormatCommand>),
    Messages(messages::MessagesArgs),
}

impl Load {
    fn run(self) -> Result<(), Failure> {
        #[cfg(feature = "files")]
        match self.files {
            Some(LoadFiles::Formats(command)) => return files::run(*command),
            Some(LoadFiles::Messages(args)) => return messages::run(args),
            None => {}
        }
        load::run(self.topics)
    }
}

impl Cli {
    /// Carries out the command that was asked for.
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Load(args) => args.run(),
            #[cfg(feature = "files")]
            Command::Convert(command) => (*command).run(),
            #[cfg(feature = "archive")]
            Command::Archive(args) => (*args).run(archive::open),
            #[cfg(feature = "events")]
            Command::Serve(args) => (*args).run(Some(events::open)),
            #[cfg(all(feature = "serve", not(feature = "events")))]
            Command::Serve(args) => (*args).run(None),
            Command::Check(args) => check::run(args),
            Command::Plan(args) => plan::run(args),
            Command::Replay(args) => load::replay::run(args),
            Command::Status(args) => status::run(args),
            Command::Reset(args) => load::reset::run(args),
            Command::Simulate(args) => Err(market::run("simulate", args, self.log_format)),
            Command::Demo(args) => Err(market::run("demo", args, self.log_format)),
        }
    }
}
