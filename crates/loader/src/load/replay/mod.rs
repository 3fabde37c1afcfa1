//! `tally replay`: dead letters, decoded again with today's configuration.
//!
//! One transaction stores the rows, deletes their letters, and stores the letters that are still dead with one more
//! attempt. So a message is a row or a dead letter at every moment, never both.

mod condition;
mod letters;

use std::path::PathBuf;

use tally_postgres::{ErrorKind, Failure};
use tally_program::single_threaded;
use tally_rows::config::{Config, Topic};
use tally_rows::raw::KeptMessage;
use tokio_postgres::Client;

use super::batch::MessageBatch;
use super::kept::KeptMessages;
use crate::job;
use crate::pg::{self, error_kind};
use crate::store::ledger::CopyMode;
use condition::LetterCondition;

/// Number of attempts when others change a table or the letters meanwhile.
const TRIES: usize = 10;

/// Decode dead letters again, with the configuration as it is now, and store them.
#[derive(clap::Args)]
pub struct ReplayArgs {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only dead letters of this topic; may be repeated.
    #[arg(long = "topic", value_name = "NAME")]
    topics: Vec<String>,
    /// Only dead letters with this sqlstate, stage, column, partition or schema; may be repeated.
    #[arg(long = "where", value_name = "NAME=VALUE")]
    conditions: Vec<LetterCondition>,
    /// Replay at most this many dead letters.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Try to store them, and roll everything back.
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(args: ReplayArgs) -> Result<(), Failure> {
    let (stored, dead) = single_threaded()?.block_on(replay(job::read(&args.config)?, &args))?;
    let would = if args.dry_run { "would be " } else { "" };
    println!("{would}stored: {stored}, still dead letters: {dead}");
    Ok(())
}

/// Replays what the arguments ask for; returns how many messages were stored, and how many were not.
async fn replay(config: Config, args: &ReplayArgs) -> Result<(usize, usize), Failure> {
    let connector = pg::connector(&config.database, &config.job)?;
    let client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    let config = &for_letters(&client, config, &args.topics).await?;
    if config.topics.is_empty() {
        return Ok((0, 0));
    }
    let topics: Vec<String> = config.topics.iter().map(|topic| topic.name.clone()).collect();
    let kept = KeptMessages::open(client, config).await?;
    let mut replay = Replay { kept, job: &config.job, dry_run: args.dry_run };
    let mut left = args.limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let mut totals = (0, 0);
    let mut last: Option<KeptMessage> = None;
    loop {
        let chunk = left.min(config.batch.rows as i64);
        let found =
            letters::after(&replay.kept.client, &config.job, &topics, &args.conditions, last.as_ref(), chunk);
        let mut found = found.await.map_err(|e| pg::failure("table loader.dead_letters", &e))?;
        if found.is_empty() {
            return Ok(totals);
        }
        left -= found.len() as i64;
        let dead = replay.all(&found).await?;
        totals = (totals.0 + found.len() - dead, totals.1 + dead);
        last = found.pop();
    }
}

/// Reduces the configuration to the topics that are asked for and have dead letters; patterns are replaced by such
/// topics.
async fn for_letters(client: &Client, mut config: Config, chosen: &[String]) -> Result<Config, Failure> {
    let is_for = |topic: &Topic, name: &String| topic.name == *name || topic.is_pattern() && topic.fits(name);
    if let Some(name) = chosen.iter().find(|name| !config.topics.iter().any(|topic| is_for(topic, name))) {
        return Err(Failure::usage(format!("no topic {name:?} in the configuration"))
            .mend("correct --topic, or leave it out for all"));
    }
    let found = letters::topics(client, &config.job).await;
    let mut found = found.map_err(|e| pg::failure("table loader.dead_letters", &e))?;
    found.retain(|name| chosen.is_empty() || chosen.contains(name));
    config.topics.retain(|topic| found.iter().any(|name| is_for(topic, name)));
    if config.has_patterns() {
        config = config.for_topics(&found)?;
    }
    Ok(config)
}

struct Replay<'a> {
    kept: KeptMessages<'a>,
    job: &'a str,
    dry_run: bool,
}

impl Replay<'_> {
    /// Replays letters, in a transaction for each definition of their tables; returns how many are dead again.
    async fn all(&mut self, letters: &[KeptMessage]) -> Result<usize, Failure> {
        let mut dead = 0;
        let mut begin = 0;
        for _ in 0..TRIES {
            while begin < letters.len() {
                let mut first = None;
                self.kept.decode(&letters[begin..], |batch, taken| {
                    first = Some((batch, taken));
                    false
                })?;
                let (batch, taken) = first.expect("the first letter is always taken");
                match self.store(&batch, &letters[begin..begin + taken]).await? {
                    Some(dead_letters) => dead += dead_letters,
                    None => break,
                }
                begin += taken;
            }
            if begin == letters.len() {
                return Ok(dead);
            }
            self.kept.look_again().await?;
        }
        Err(Failure::new("the tables or dead letters kept changing during the replay")
            .mend("let one replay run at a time"))
    }

    /// Stores the rows and deletes the letters; returns how many are dead again, or none if the tables or the letters
    /// have changed meanwhile.
    async fn store(
        &mut self,
        batch: &MessageBatch,
        letters: &[KeptMessage],
    ) -> Result<Option<usize>, Failure> {
        let failed = |error| pg::failure("replaying dead letters", &error);
        match self.try_to_store(batch, letters, CopyMode::Bulk).await {
            Err(error) if error_kind(&error) == ErrorKind::Reject => {
                self.try_to_store(batch, letters, CopyMode::RowByRow).await.map_err(failed)
            }
            stored => stored.map_err(failed),
        }
    }

    async fn try_to_store(
        &mut self,
        batch: &MessageBatch,
        letters: &[KeptMessage],
        mode: CopyMode,
    ) -> Result<Option<usize>, tokio_postgres::Error> {
        let mut transaction = self.kept.begin().await?;
        let Some(tried) = letters::delete(&transaction.tx, self.job, letters).await? else {
            return Ok(None);
        };
        let Some(stored) = transaction.store(batch, mode).await? else {
            return Ok(None);
        };
        letters::count_attempt(&transaction.tx, self.job, &tried).await?;
        if self.dry_run {
            transaction.tx.rollback().await?;
        } else {
            transaction.commit().await?;
        }
        Ok(Some(stored.num_dead_letters()))
    }
}
