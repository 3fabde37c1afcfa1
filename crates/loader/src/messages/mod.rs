//! `tally load messages`: archives of topics into the tables that the topics would have been loaded into.
//!
//! The messages go through the decoder of their topic's section of the configuration, in the order of their offsets. The
//! objects of a chunk, a range of offsets, are stored in one transaction, with their rows in `loader.files`.

mod chunk;
mod ledger;

use std::path::PathBuf;
use std::time::Instant;

use tally_files::input;
use tally_postgres::{ErrorKind, Failure};
use tally_program::{single_threaded, Hangup, Stop};
use tally_rows::config::{Config, Topic};

use crate::files::left_out::LeftOut;
use crate::load::batch::MessageBatch;
use crate::load::circuit_breaker::CircuitBreaker;
use crate::load::kept::KeptMessages;
use crate::observe::Stored;
use crate::pg::{self, error_kind};
use crate::store::ledger::CopyMode;
use crate::{job, observe};
use chunk::ObjectChunk;
use ledger::Opened;

/// Endings of the names of objects with messages.
const ENDINGS: &[&str] = &["ndjson"];
/// Number of attempts when others change a table meanwhile.
const TRIES: usize = 10;

/// Load archives of topics, as `tally archive topics` makes them, into the tables of the topics; each object once.
#[derive(Debug, clap::Args)]
pub struct MessagesArgs {
    /// Files, directories or glob patterns, or addresses of objects
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Name of a job of its own in loader.files and loader.dead_letters: each job loads an object once
    #[arg(long, value_name = "NAME")]
    job: String,
    /// Load only this topic of the configuration; may be repeated.
    #[arg(long = "topic", value_name = "NAME")]
    topics: Vec<String>,
}

/// Messages and objects that were loaded, or were before.
#[derive(Default)]
struct Counts {
    messages: usize,
    dead_letters: usize,
    objects: usize,
    known: usize,
}

/// Runs the command.
pub fn run(args: MessagesArgs) -> Result<(), Failure> {
    let begin = Instant::now();
    let mut config = job::read(&args.config)?;
    config.job.clone_from(&args.job);
    let is_of =
        |section: &Topic, name: &String| section.name == *name || section.is_pattern() && section.fits(name);
    let mut chunks = chunk::find(input::expand(&args.paths, ENDINGS)?)?;
    chunks.retain(|chunk| args.topics.is_empty() || args.topics.contains(&chunk.topic));
    chunk::check_topics(&chunks)?;
    let mut names: Vec<String> = chunks.iter().map(|chunk| chunk.topic.clone()).collect();
    names.dedup();
    if let Some(name) = names.iter().find(|name| !config.topics.iter().any(|section| is_of(section, name))) {
        return Err(Failure::usage(format!("no topic {name:?} in the configuration"))
            .mend("add a [[topic]] section, or choose others with --topic"));
    }
    if names.is_empty() {
        return Err(
            Failure::usage("there are no objects of these topics").mend("correct the paths, or --topic")
        );
    }
    config.topics.retain(|section| names.iter().any(|name| is_of(section, name)));
    let config = config.for_topics(&names)?;
    let left_out = LeftOut::default();
    let Counts { messages, dead_letters, objects, known } =
        single_threaded()?.block_on(load(&config, chunks, &left_out))?;
    let before = match known {
        0 => String::new(),
        n => format!("; {n} objects were loaded before"),
    };
    println!(
        "loaded {messages} messages of {objects} objects in {:.1} s, {dead_letters} of them as dead letters{before}",
        begin.elapsed().as_secs_f64()
    );
    left_out.verdict()
}

async fn load(config: &Config, chunks: Vec<ObjectChunk>, left_out: &LeftOut) -> Result<Counts, Failure> {
    let stop = Stop::on_signals(observe::stopping, Hangup::Stops)?;
    let connector = pg::connector(&config.database, &config.job)?;
    let client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    ledger::claim(&client, &config.job).await?;
    let kept = KeptMessages::open(client, config).await?;
    let breaker = CircuitBreaker::new(config.topics.len());
    let mut loader = ChunkLoader { kept, config, breaker, counts: Counts::default() };
    ledger::begin(&mut loader.kept.client, config).await?;
    for chunk in chunks {
        if stop.is_requested() {
            break;
        }
        let name = chunk.name();
        match loader.load(chunk).await {
            Err(failure) if failure.kind() == ErrorKind::Reject => left_out.add(&name, failure),
            loaded => loaded?,
        }
        loader.breaker.failure(config).map_or(Ok(()), Err)?;
    }
    Ok(loader.counts)
}

/// Loads chunk after chunk.
struct ChunkLoader<'a> {
    kept: KeptMessages<'a>,
    config: &'a Config,
    breaker: CircuitBreaker,
    counts: Counts,
}

impl ChunkLoader<'_> {
    /// Loads the objects of a chunk that the job has not loaded before. A failure of kind `Reject` is about the objects.
    async fn load(&mut self, chunk: ObjectChunk) -> Result<(), Failure> {
        let name = chunk.name();
        let table = self.table(&chunk.topic);
        let opened = chunk.open()?;
        let (mut fresh, known) =
            ledger::look(&mut self.kept.client, &self.config.job, &table, opened).await?;
        self.counts.known += known;
        if fresh.is_empty() {
            return Ok(());
        }
        let messages = chunk.read(&mut fresh)?;
        for _ in 0..TRIES {
            let mut batches = Vec::new();
            self.kept.decode(&messages, |batch, _| {
                batches.push(batch);
                true
            })?;
            if let Some(stored) = self.store((&table, &fresh), &batches).await? {
                for stored in &stored {
                    self.breaker.note(self.config, stored);
                    self.counts.dead_letters += stored.num_dead_letters();
                }
                self.counts.messages += messages.len();
                self.counts.objects += fresh.len();
                return Ok(());
            }
            self.kept.look_again().await?;
        }
        Err(Failure::new("the tables kept changing").at(name).mend("run the command again"))
    }

    /// The first table of a topic, for `loader.files`.
    fn table(&self, topic: &str) -> String {
        let section = self.config.topics.iter().find(|section| section.name == topic);
        let section = section.expect("chunks are of the configured topics");
        String::from(section.table_of(&section.mappings()[0]))
    }

    /// Stores the batches of a chunk, and enters its objects; returns none if the tables have changed meanwhile.
    async fn store(
        &mut self,
        fresh: (&str, &[Opened]),
        batches: &[MessageBatch],
    ) -> Result<Option<Vec<Stored>>, Failure> {
        let failed = |error| pg::failure("loading messages", &error).of_kind(ErrorKind::Fatal);
        match self.try_to_store(fresh, batches, CopyMode::Bulk).await {
            Err(error) if error_kind(&error) == ErrorKind::Reject => {
                self.try_to_store(fresh, batches, CopyMode::RowByRow).await.map_err(failed)
            }
            stored => stored.map_err(failed),
        }
    }

    async fn try_to_store(
        &mut self,
        fresh: (&str, &[Opened]),
        batches: &[MessageBatch],
        mode: CopyMode,
    ) -> Result<Option<Vec<Stored>>, tokio_postgres::Error> {
        let mut transaction = self.kept.begin().await?;
        let mut stored = Vec::with_capacity(batches.len());
        for batch in batches {
            match transaction.store(batch, mode).await? {
                Some(report) => stored.push(report),
                None => return Ok(None),
            }
        }
        let (table, objects) = fresh;
        ledger::enter(&transaction.tx, &self.config.job, table, objects).await?;
        transaction.commit().await?;
        Ok(Some(stored))
    }
}
