//! The archive: old rows of a table as Parquet files on object storage, proved before anything is dropped.
//!
//! A slot, an hour or a day, has one object. `step` takes it from its rows to a proved object, and the ledger in PostgreSQL
//! says how far it is; `drop` and `restore` move rows only where the ledger and a proof allow it. `topic` keeps messages
//! of topics, with a ledger of its own.

mod ahead;
mod alarm;
mod beside;
mod column;
mod compare;
mod drop;
mod every;
mod export;
mod form;
mod job;
mod key;
mod ledger;
mod look;
mod manifest;
mod object;
mod overflow;
mod places;
mod proof;
mod restore;
mod rows;
mod run;
mod server;
mod session;
mod slot;
mod spill;
mod step;
mod stretch;
mod survey;
mod table;
mod topic;
mod tree;
mod work;

use std::sync::Arc;

use tally_postgres::Failure;
use tally_program::single_threaded;

pub use topic::{MessageSource, SourcePartition, TopicsArgs};

/// Archive old rows of a table as Parquet files in a directory or on object storage, and prove the copies.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ArchiveArgs {
    #[command(subcommand)]
    command: Option<ArchiveCommand>,
    #[command(flatten)]
    session: session::SessionArgs,
    #[command(flatten)]
    run: Option<run::RunArgs>,
}

#[derive(Debug, clap::Subcommand)]
enum ArchiveCommand {
    Topics(TopicsArgs),
    Status(look::StatusArgs),
    Verify(look::VerifyArgs),
    Restore(restore::RestoreArgs),
}

impl ArchiveArgs {
    /// Carries out the command that was asked for; `open` finds the topics of a configuration.
    pub fn run(
        self,
        open: impl FnOnce(&TopicsArgs) -> Result<Arc<dyn MessageSource>, Failure>,
    ) -> Result<(), Failure> {
        single_threaded()?.block_on(async {
            match (self.command, self.run) {
                (Some(ArchiveCommand::Topics(args)), _) => topic::run(open(&args)?, args).await,
                (Some(ArchiveCommand::Status(args)), _) => look::status(args).await,
                (Some(ArchiveCommand::Verify(args)), _) => look::verify(args).await,
                (Some(ArchiveCommand::Restore(args)), _) => restore::run(args).await,
                (None, Some(args)) => run::run(self.session, args).await,
                (None, None) => {
                    Err(Failure::usage("nothing was asked for").mend("see `tally archive --help`"))
                }
            }
        })
    }
}
