//! `tally load`: Kafka topics into PostgreSQL tables, exactly once.
//!
//! The partitions are spread over lanes, each with a consumer, a thread that reads and decodes, and a connection that
//! writes. Between the sides of a lane is room for one closed batch, so that both work at the same time and memory
//! stays bounded: when PostgreSQL is slow or away, the reader waits and pauses its partitions.

mod assignment;
pub mod batch;
pub mod circuit_breaker;
pub mod kept;
mod lane;
mod progress;
mod read;
mod rehearsal;
pub mod replay;
pub mod reset;
mod start;
mod write;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{mpsc as sync, Arc};
use std::thread;
use std::time::{Duration, Instant};

use tally_postgres::Failure;
use tally_program::single_threaded;
use tally_program::{Hangup, Stop};
use tally_rows::config::{Config, Mode};
use tokio::sync::mpsc;

use crate::job;
use crate::pg;
use crate::store::lock_watch;
use crate::{kafka, observe};
use assignment::AssignedPartition;
use lane::{Lane, Report};
use progress::LoadProgress;
use read::discovery::Discovery;
use read::end::EndOffsets;
use start::bounds::Bound;

pub use assignment::Assigned;
pub use rehearsal::rehearse;
pub use start::{start, Intent};

/// Options of loading topics.
#[derive(clap::Args)]
pub struct LoadArgs {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    /// Load under another name, with positions of its own.
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Load only this topic of the configuration; may be repeated.
    #[arg(long = "topic", value_name = "NAME")]
    topics: Vec<String>,
    #[command(flatten)]
    options: LoadOptions,
}

/// Options of a run that are not in the configuration.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct LoadOptions {
    /// Stop where the topics ended when the run began.
    #[arg(long)]
    pub until_end: bool,
    /// Begin at this offset or time (2026-01-31T00:00:00Z), where the job has read nothing yet.
    #[arg(long, value_name = "TIME|OFFSET", requires = "job")]
    from: Option<Bound>,
    /// Stop before this offset or time, or where the topics ended when the run began.
    #[arg(long, value_name = "TIME|OFFSET", conflicts_with = "until_end")]
    to: Option<Bound>,
    /// Begin from nothing, even if the positions of a topic that was loaded before are missing.
    #[arg(long)]
    accept_empty_positions: bool,
    /// Show no progress.
    #[arg(long)]
    pub quiet: bool,
}

/// The summary of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadSummary {
    /// Messages stored, in tables or as dead letters.
    pub messages: u64,
    /// Messages stored as dead letters.
    pub dead_letters: u64,
    /// The time from the first poll to the last commit.
    pub elapsed: Duration,
}

/// Runs the command.
pub fn run(args: LoadArgs) -> Result<(), Failure> {
    // Optional on the command line because `load` also has commands for files.
    let Some(file) = args.config else {
        return Err(Failure::usage("there is nothing to load").mend("give --config, or files"));
    };
    let mut config = job::read(&file)?;
    if let Some(job) = args.job {
        config.job = job;
    }
    config.choose_topics(&args.topics)?;
    let is_bounded = args.options.until_end || args.options.from.is_some() || args.options.to.is_some();
    if config.mode == Mode::Subscribe && is_bounded {
        return Err(Failure::usage("--until-end, --from and --to need `mode = \"assign\"`")
            .mend("a group may assign partitions at any time"));
    }
    load(config, args.options).map(|_| ())
}

/// Loads until told to stop, or until the end if the options ask for that.
pub fn load(config: Config, options: LoadOptions) -> Result<LoadSummary, Failure> {
    let _job = tracing::info_span!("load", job = config.job).entered();
    let outcome = single_threaded()?.block_on(load_async(config, options));
    observe::ended(outcome.as_ref().err());
    outcome
}

async fn load_async(config: Config, options: LoadOptions) -> Result<LoadSummary, Failure> {
    observe::begin_run(&config)?;
    let mut stop = Stop::on_signals(observe::stopping, Hangup::Stops)?;
    let connector = pg::connector(&config.database, &config.job)?;
    let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    let watermarks = kafka::Watermarks::default();
    let metadata_client = kafka::metadata_client(&config)?;
    let config = Arc::new(kafka::find_topics(&metadata_client, &config)?);
    let mut partitions = kafka::partitions(&metadata_client, &config)?;
    if let Some(from) = options.from {
        start::bounds::begin_at(from, &metadata_client, &mut partitions)?;
    }
    let intent = Intent::Load { accept_empty_positions: options.accept_empty_positions };
    let assigned = tokio::select! {
        started = lock_watch::watch(&connector, start(&mut client, &config, &partitions, intent)) => started?,
        () = stop.requested() => return Ok(LoadSummary::default()),
    };
    drop(client); // each lane has its own
    let end = match options.to {
        Some(to) => {
            let topics: Vec<&str> = config.topics.iter().map(|topic| topic.name.as_str()).collect();
            Some(start::bounds::end_at(to, &metadata_client, &topics, &partitions, &assigned.partitions)?)
        }
        None => options.until_end.then(|| EndOffsets::at_high_watermarks(&assigned.partitions)),
    };
    for p in &assigned.partitions {
        watermarks.note_high(&config.topics[p.topic].name, p.number, p.high);
    }
    let begun: i64 = assigned.partitions.iter().map(|p| p.next).sum();
    let begun = (config.mode == Mode::Assign).then_some(begun);

    let (reports, mut reported) = mpsc::unbounded_channel();
    let (ended, mut endings) = mpsc::unbounded_channel();
    let breaker = circuit_breaker::CircuitBreaker::new(config.topics.len());
    let mut lanes = Vec::new();
    for (number, partitions) in spread(&config, &assigned.partitions).into_iter().enumerate() {
        let (adds, added) = sync::channel();
        lanes.push(adds);
        let end = end.as_ref().map(|end| end.of(&partitions));
        let lane = Lane {
            number,
            config: config.clone(),
            watermarks: watermarks.clone(),
            assigned: Assigned { partitions, ..assigned.clone() },
            end,
            added,
            breaker: breaker.clone(),
            reports: reports.clone(),
            prefetch: kafka::prefetch(&config),
            stop: stop.clone(),
        };
        run_on_a_thread(lane, ended.clone());
    }
    drop(reports);
    observe::loading();
    let running = lanes.len();
    if config.mode == Mode::Subscribe || end.is_some() {
        drop(metadata_client); // not needed any more
    } else {
        let known = partitions.into_iter().map(|p| (p.topic, p.number)).collect();
        let discovery =
            Discovery { config: config.clone(), metadata_client, known, lanes, stop: stop.clone() };
        thread::spawn(move || discovery.run());
    }
    let run = Supervisor {
        stop,
        watermarks,
        begun,
        progress: LoadProgress::new(options.quiet),
        summary: LoadSummary::default(),
    };
    let summary =
        run.follow(&mut reported, &mut endings, running, Duration::from_millis(config.stop_ms)).await?;
    breaker.failure(&config).map_or(Ok(summary), Err)
}

/// Runs a lane, and sends how it ended.
fn run_on_a_thread(lane: Lane, ended: mpsc::UnboundedSender<Result<(), Failure>>) {
    let span = tracing::Span::current();
    thread::spawn(move || {
        let _job = span.entered();
        let result = catch_unwind(AssertUnwindSafe(|| single_threaded()?.block_on(lane.run())));
        // Fails only if the run is over.
        let _ = ended.send(result.unwrap_or_else(|_| Err(Failure::new("a loading thread panicked"))));
    });
}

/// Spreads the partitions over the lanes. A consumer group assigns them itself, so that its lanes begin with none.
fn spread(config: &Config, partitions: &[AssignedPartition]) -> Vec<Vec<AssignedPartition>> {
    let lanes = match config.mode {
        Mode::Assign => config.writers.min(partitions.len().max(1)),
        Mode::Subscribe => config.writers,
    };
    let mut spread = vec![Vec::new(); lanes];
    for (at, partition) in partitions.iter().enumerate() {
        spread[at % lanes].push(*partition);
    }
    spread
}

/// Follows the lanes of a run, and shows the user how far they are.
struct Supervisor {
    stop: Stop,
    watermarks: kafka::Watermarks,
    /// Sum of the positions at the beginning, if the run keeps its partitions.
    begun: Option<i64>,
    progress: LoadProgress,
    summary: LoadSummary,
}

impl Supervisor {
    /// Follows the lanes until all of them have ended, or until a stop has taken too long.
    async fn follow(
        mut self,
        reports: &mut mpsc::UnboundedReceiver<Report>,
        endings: &mut mpsc::UnboundedReceiver<Result<(), Failure>>,
        mut running: usize,
        deadline: Duration,
    ) -> Result<LoadSummary, Failure> {
        let begin = Instant::now();
        let mut outcome = Ok(());
        let mut stopping = self.stop.clone();
        let overdue = async {
            stopping.requested().await;
            tokio::time::sleep(deadline).await;
        };
        tokio::pin!(overdue);
        while running > 0 {
            tokio::select! {
                biased;
                Some(report) = reports.recv() => {
                    self.summary.messages += report.messages as u64;
                    self.summary.dead_letters += report.dead_letters as u64;
                    self.summary.elapsed = begin.elapsed();
                    let total = match self.begun {
                        Some(begun) => self.watermarks.total() - begun,
                        None => self.summary.messages as i64 + observe::behind(),
                    };
                    self.progress.update(&self.summary, u64::try_from(total).unwrap_or(0));
                }
                Some(ended) = endings.recv() => {
                    running -= 1;
                    if ended.is_err() {
                        // One lane that cannot go on stops the run; the others store what they have.
                        self.stop.request();
                        outcome = outcome.and(ended);
                    }
                }
                () = &mut overdue => {
                    tracing::warn!("a batch took too long to store and was abandoned; the next run reads it again");
                    break;
                }
            }
        }
        self.progress.finish(&self.summary);
        outcome.map(|()| self.summary)
    }
}
