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
use tokio_postgres::Client;

use super::assignment::{Assigned, AssignedPartition};
use super::batch::assembler::Assembler;
use super::batch::MessageBatch;
use super::start::{restart, start, Intent};
use super::write::changed;
use super::write::contents::{store, Tables};
use super::write::positions::Positions;
use crate::job;
use crate::kafka::Watermarks;
use crate::pg::{self, error_kind};
use crate::store::ledger::CopyMode;
use crate::store::statements::Statements;
use condition::LetterCondition;
use letters::Letter;

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
    let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    let config = &for_letters(&client, config, &args.topics).await?;
    if config.topics.is_empty() {
        return Ok((0, 0));
    }
    let assigned = start(&mut client, config, &[], Intent::Load { accept_empty_positions: true }).await?;
    let topics: Vec<String> = config.topics.iter().map(|topic| topic.name.clone()).collect();
    let mut replay = Replay::new(client, config, assigned, args.dry_run);
    let mut left = args.limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let mut totals = (0, 0);
    let mut last: Option<Letter> = None;
    loop {
        let chunk = left.min(config.batch.rows as i64);
        let found =
            letters::after(&replay.client, &config.job, &topics, &args.conditions, last.as_ref(), chunk);
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
    client: Client,
    statements: Statements,
    config: &'a Config,
    positions: Positions,
    assigned: Assigned,
    dry_run: bool,
}

impl<'a> Replay<'a> {
    fn new(client: Client, config: &'a Config, assigned: Assigned, dry_run: bool) -> Self {
        let positions = Positions::new(&config.job, &assigned, Watermarks::default());
        Self { client, statements: Statements::default(), config, positions, assigned, dry_run }
    }

    /// Replays letters, in a transaction for each definition of their tables; returns how many are dead again.
    async fn all(&mut self, letters: &[Letter]) -> Result<usize, Failure> {
        let mut dead = 0;
        let mut begin = 0;
        for _ in 0..TRIES {
            while begin < letters.len() {
                let (batch, taken) = self.decode(&letters[begin..])?;
                match self.store(&batch, &letters[begin..begin + taken]).await? {
                    Some(dead_letters) => dead += dead_letters,
                    None => break,
                }
                begin += taken;
            }
            if begin == letters.len() {
                return Ok(dead);
            }
            self.assigned = restart(&mut self.client, self.config, &[], &[]).await?;
        }
        Err(Failure::new("the tables or dead letters kept changing during the replay")
            .mend("let one replay run at a time"))
    }

    /// Decodes as many letters as go into one transaction, and returns their number with the batch.
    fn decode(&self, letters: &[Letter]) -> Result<(MessageBatch, usize), Failure> {
        let mut assembler = Assembler::new(&self.assigned, self.config)?;
        for letter in letters {
            let topic = assembler.topic(&letter.topic);
            let (number, next) = (letter.partition, 0);
            if !assembler.positions().any(|(partition, _)| partition == (topic, number)) {
                assembler.add(&[AssignedPartition {
                    topic,
                    number,
                    next,
                    high: 0,
                    epoch: 0,
                    topic_id: None,
                }]);
            }
        }
        let mut taken = 0;
        for letter in letters {
            match assembler.take_record(&letter.record()) {
                Ok(true) => taken += 1,
                Ok(false) => break,
                Err(failure) if failure.kind() == ErrorKind::Retry => {
                    return Err(failure.mend("replay when the registry is back"))
                }
                Err(failure) => return Err(failure),
            }
        }
        let batch = assembler.close().expect("the first letter is always taken");
        Ok((batch, taken))
    }

    /// Stores the rows and deletes the letters; returns how many are dead again, or none if the tables or the letters
    /// have changed meanwhile.
    async fn store(&mut self, batch: &MessageBatch, letters: &[Letter]) -> Result<Option<usize>, Failure> {
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
        letters: &[Letter],
        mode: CopyMode,
    ) -> Result<Option<usize>, tokio_postgres::Error> {
        let after = changed(&self.assigned.tables, batch);
        let registry = self.config.registry.as_ref().map(|registry| registry.url.as_str());
        let tables = Tables { before: &self.assigned.tables, after: &after, registry };
        let Self { client, statements, positions, .. } = self;
        let mut tx = client.transaction().await?;
        let Some(tried) = letters::delete(&tx, positions.job(), letters).await? else {
            return Ok(None);
        };
        let Some(stored) = store(&mut tx, statements, positions, tables, batch, mode).await? else {
            return Ok(None);
        };
        letters::count_attempt(&tx, positions.job(), &tried).await?;
        if self.dry_run {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
            self.assigned.tables = after.into_owned();
        }
        Ok(Some(stored.num_dead_letters()))
    }
}
