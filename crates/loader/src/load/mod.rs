//! `tally load`: Kafka topics into PostgreSQL tables, exactly once.
//!
//! A thread reads and decodes; this one writes. Between them is room for one closed batch, so that both work at the
//! same time and memory stays bounded: when PostgreSQL is slow or away, the reader waits, and librdkafka's queue,
//! which is bounded too, fills.

mod assembler;
mod avro;
mod batch;
mod dead_letter;
mod keys;
mod observed;
mod originals;
mod path;
mod positions;
mod progress;
mod reader;
mod refusals;
mod rehearsal;
mod start;
mod stop;
mod tables;
mod transaction;
mod writer;

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::config::Config;
use crate::failure::Failure;
use crate::files;
use crate::kafka;
use crate::observe;
use crate::pg::Connector;
use assembler::Assembler;
use positions::Positions;
use progress::Progress;
use writer::{Fate, Writer};

pub use path::copy;
pub use rehearsal::rehearse;
pub use start::{start, Assigned, Intent};
pub use stop::Stop;

/// How long a stop waits for the batch in flight.
const DEADLINE: Duration = Duration::from_secs(10);

/// Load Kafka topics, or files, into PostgreSQL tables, exactly once.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    /// Files instead of topics.
    #[command(subcommand)]
    files: Option<files::Command>,
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

/// How a run behaves, beside what the configuration says.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Options {
    /// Stop where the topics ended when the run began.
    #[arg(long)]
    pub until_end: bool,
    /// Show no progress.
    #[arg(long)]
    pub quiet: bool,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Summary {
    /// Messages stored, in tables or as dead letters.
    pub messages: u64,
    /// How many of them are dead letters.
    pub dead_letters: u64,
    /// How long it took, from the first poll to the last commit.
    pub elapsed: Duration,
}

/// Runs the command.
pub fn run(args: Args) -> Result<(), Failure> {
    match (args.files, args.config) {
        (Some(command), _) => files::run(command),
        (None, Some(config)) => load(&Config::read(&config)?, args.options).map(|_| ()),
        (None, None) => Err(Failure::usage("there is nothing to load").mend("give --config, or files")),
    }
}

/// Loads until it is told to stop, or until the end if the options say so.
pub fn load(config: &Config, options: Options) -> Result<Summary, Failure> {
    let _job = tracing::info_span!("load", job = config.job).entered();
    runtime()?.block_on(load_async(config, options))
}

/// The runtime for everything that talks to PostgreSQL; one thread is all that it needs.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::new)
}

async fn load_async(config: &Config, options: Options) -> Result<Summary, Failure> {
    observe::begin(config)?;
    let mut stop = Stop::on_signals()?;
    let connector = Connector::new(&config.database, &config.job)?;
    let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    let watermarks = kafka::Watermarks::default();
    let consumer = kafka::consumer(config, watermarks.clone())?;
    let config = &kafka::find_topics(&consumer, config)?;
    let partitions = kafka::partitions(&consumer, config)?;
    let assigned = start(&mut client, config, &partitions, Intent::Load).await?;
    for partition in &partitions {
        watermarks.set(&partition.topic, partition.number, partition.high);
    }
    let positions_of = |p: &start::AssignedPartition| (p.topic, p.number, p.next);
    let begin = assigned.partitions.iter().map(positions_of);
    kafka::assign(
        &consumer,
        begin.map(|(t, number, next)| (assigned.topics[t].config.name.as_str(), number, next)),
    )?;

    let begun: i64 = assigned.partitions.iter().map(|p| p.next).sum();
    let assembler = Assembler::new(&assigned, config)?;
    let end = options.until_end.then(|| reader::End::new(&assigned.partitions));
    let positions = Positions::new(&config.job, &assigned, watermarks.clone());
    let mut writer = Writer::new((connector, client), config, positions, assigned.tables, stop.clone());

    let (out, mut batches) = mpsc::channel(1);
    let reader_stop = stop.clone();
    let span = tracing::Span::current();
    let reader =
        thread::spawn(move || span.in_scope(|| reader::read(&consumer, assembler, end, &reader_stop, &out)));
    observe::loading();
    let mut progress = Progress::new(options.quiet);
    let mut summary = Summary::default();
    let begin = Instant::now();
    let written = async {
        while let Some(batch) = batches.recv().await {
            match writer.store(&batch).await? {
                Fate::Stored { dead_letters } => {
                    summary.messages += batch.messages as u64;
                    summary.dead_letters += dead_letters as u64;
                    summary.elapsed = begin.elapsed();
                    let total = watermarks.total() - begun;
                    progress.update(&summary, u64::try_from(total).unwrap_or(0));
                }
                Fate::Dropped => break,
            }
        }
        Ok(())
    };
    let overdue = async {
        stop.requested().await;
        tokio::time::sleep(DEADLINE).await;
    };
    let written = tokio::select! {
        result = written => result,
        () = overdue => {
            tracing::warn!("the batch in flight took too long and was left; the next run reads it again");
            Ok(())
        }
    };
    drop(batches); // a reader that waits for room goes home
    let read = reader.join().unwrap_or_else(|_| Err(Failure::new("the reading thread broke off")));
    progress.finish(&summary);
    written.and(read).map(|()| summary)
}
