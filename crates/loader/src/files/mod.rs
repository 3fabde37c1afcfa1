//! `tally load csv`, `tally load ndjson` and `tally load parquet`: files into a PostgreSQL table, each exactly once.
//!
//! A load has three steps. `input`, `csv`, `ndjson`, `parquet` and `infer` find out what the files are; `start` prepares the
//! table and enters the files in `loader.files` (`ledger`); then `worker`s, each with a connection of its own, load
//! part after part: the rows of a batch, its dead letters and the part's new position share one transaction.
//! Archives of topics share the ledger; `messages` loads them.

mod columns;
mod convert;
mod counts;
pub mod ledger;
pub mod left_out;
mod narrow;
mod parallel;
mod part_ledger;
mod progress;
mod replay;
mod report;
mod run;
mod start;
mod worker;

use std::sync::atomic::Ordering;
use std::thread::available_parallelism;
use std::time::Instant;

use tally_files::format::FileFormat;
use tally_files::limits::{Limits, PageLimit};
use tally_files::named::Naming;
use tally_files::{csv, input, ndjson, parquet};
use tally_postgres::Failure;
use tally_program::single_threaded;
use tally_rows::config::{Database, PartitionBy, TableName};

use crate::pg;
use columns::DeclaredTypes;
use left_out::LeftOut;
use progress::StepProgress;
use report::FilesSummary;
use run::Run;
use start::{Candidate, EnteredFile, Wishes};
use worker::Task;

pub use convert::ConvertCommand;

/// The formats of files.
#[derive(clap::Subcommand)]
pub enum FormatCommand {
    /// Load CSV files into a table, each exactly once; a missing table is created, with types that hold every row.
    Csv {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        options: csv::CsvOptions,
    },
    /// Load files of JSON records, one a line, into a table, each exactly once; a missing table is created.
    Ndjson {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        options: ndjson::NdjsonOptions,
    },
    /// Load Parquet files into a table, each exactly once; a missing table is created from their schema.
    Parquet {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        page: PageLimit,
    },
}

/// Options of all formats.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// Files, directories or glob patterns, - for standard input; .gz and .zst are decompressed
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// PostgreSQL connection URL or key=value string
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, required_unless_present = "dry_run")]
    database: Option<String>,
    /// Table to load into: name, or schema.name
    #[arg(long, value_parser = table_name)]
    table: TableName,
    /// Name of the job in loader.files: each job loads a file once [default: the table's name]
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Number of connections that load in parallel [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Types for columns of a new table, instead of inferred ones
    #[arg(long, value_name = "NAME=TYPE,...", value_parser = columns::declared_types)]
    types: Vec<DeclaredTypes>,
    /// Make the partitions of the table, by day or by month of this column, as rows for them come
    #[arg(long, value_name = "STEP:COLUMN")]
    partition_by: Option<PartitionBy>,
    /// Stop after more bad rows than this; bad rows become dead letters
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_bad_rows: u64,
    #[command(flatten)]
    naming: Naming,
    #[command(flatten)]
    limits: Limits,
    /// Retry the dead letters of these files, instead of loading anything
    #[arg(long, conflicts_with = "dry_run")]
    replay: bool,
    /// Print what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

fn table_name(text: &str) -> Result<TableName, String> {
    TableName::try_from(text.to_string())
}

/// Runs the command.
pub fn run(command: FormatCommand) -> Result<(), Failure> {
    let (common, format): (_, Box<dyn FileFormat>) = match command {
        FormatCommand::Csv { common, options } => {
            let format = csv::Csv(options, common.limits);
            (common, Box::new(format))
        }
        FormatCommand::Ndjson { common, options } => {
            let format = ndjson::Ndjson(options, common.limits);
            (common, Box::new(format))
        }
        FormatCommand::Parquet { common, page } => {
            let format = parquet::Parquet(page, common.limits);
            (common, Box::new(format))
        }
    };
    let threads = common.jobs.map_or_else(cores, usize::from);
    let left_out = LeftOut::default();
    let candidates = open(&common.paths, &common.naming, &*format, threads, &left_out)?;
    if candidates.is_empty() {
        return left_out.verdict();
    }
    single_threaded()?.block_on(load(common, candidates, left_out, threads))
}

fn cores() -> usize {
    available_parallelism().map_or(1, Into::into)
}

/// Opens the files that arguments mean.
fn open(
    paths: &[String],
    naming: &Naming,
    format: &dyn FileFormat,
    threads: usize,
    left_out: &LeftOut,
) -> Result<Vec<Candidate>, Failure> {
    let files = input::expand(paths, format.endings())?;
    let opened = parallel::parallel(threads, files.len(), |i| {
        let input = files[i].open().and_then(|source| format.open(source));
        let input = input.and_then(|input| naming.apply(input));
        Ok(left_out.unless(&files[i].name(), input.and_then(Candidate::new)))
    })?;
    Ok(opened.into_iter().flatten().collect())
}

async fn load(
    common: Common,
    mut candidates: Vec<Candidate>,
    left_out: LeftOut,
    threads: usize,
) -> Result<(), Failure> {
    let begin = Instant::now();
    let declared: DeclaredTypes =
        common.types.iter().flatten().map(|(name, of)| (name.clone(), of.clone())).collect();
    let wishes = Wishes { declared: &declared, partition_by: common.partition_by.as_ref() };
    let mut connection = None;
    let mut table = common.table.clone();
    let mut found = None;
    let job = common.job.clone().unwrap_or_else(|| String::from(common.table.clone()));
    if let Some(database) = &common.database {
        let connector = pg::connector(&Database::from(database.as_str()), &job)?;
        let mut client = connector.connect().await.map_err(|e| connector.failure(&e))?;
        let before = start::look(&mut client, &table).await?;
        (table, found) = (before.table, before.found);
        connection = Some((connector, client));
    }
    let job = common.job.clone().unwrap_or_else(|| String::from(table.clone()));
    if !common.quiet {
        report::ways(&candidates);
    }
    if common.replay {
        let (Some((_, client)), Some(found)) = (&mut connection, &found) else {
            return Err(Failure::usage("the table does not exist").at(format!("table {table}")));
        };
        let replayed = replay::replay(client, &job, &candidates, &left_out, (&table, found), wishes).await?;
        println!("{}", report::replayed(&replayed));
        return left_out.verdict();
    }
    let inferred = match &found {
        Some(_) if !common.dry_run => None,
        found => {
            start::scan(&mut candidates, &left_out, threads, common.quiet)?;
            if candidates.is_empty() {
                return left_out.verdict();
            }
            report::files(&candidates);
            if found.is_some() {
                None
            } else {
                Some(start::infer(&candidates, &table, wishes)?)
            }
        }
    };
    if common.dry_run {
        report::plan(&candidates, found.as_ref(), inferred.as_ref(), &declared)?;
        return left_out.verdict();
    }
    let Some((connector, mut client)) = connection else {
        return Err(Failure::usage("no database was given").mend("add --database"));
    };
    let entered =
        start::enter_files(&mut client, &job, candidates, &left_out, &table, inferred.as_ref(), wishes)
            .await?;
    let run = Run::new(connector, job, common.max_bad_rows, left_out)?;
    let summary = FilesSummary::new(&entered, table.clone(), begin);
    load_entered(run, entered, threads, (&table, summary), common.quiet).await
}

/// Loads the files that were entered, and prints a summary.
async fn load_entered(
    run: Run,
    entered: Vec<EnteredFile>,
    threads: usize,
    (table, summary): (&TableName, FilesSummary),
    quiet: bool,
) -> Result<(), Failure> {
    // On a thread of its own, so that this one hears the signals.
    let (run, loaded) = tokio::task::spawn_blocking(move || {
        let loaded = load_all(&run, &entered, threads, quiet);
        (run, loaded)
    })
    .await
    .map_err(|_| Failure::new("a loading thread panicked"))?;
    println!("{}", summary.text(run.rows.load(Ordering::Relaxed), run.dead_letters.load(Ordering::Relaxed)));
    match loaded {
        Ok(()) if run.stop.is_requested() => {
            tracing::info!("stopped; the next run goes on from here");
            Ok(())
        }
        Ok(()) => {
            run.counts.complain(&run.left_out);
            run.left_out.verdict()?;
            run.narrow.verdict(table)
        }
        loaded => loaded,
    }
}

fn load_all(run: &Run, entered: &[EnteredFile], threads: usize, quiet: bool) -> Result<(), Failure> {
    let mut tasks = Vec::new();
    let mut bytes = 0;
    for EnteredFile { input, definition, open } in entered {
        for entry in open {
            bytes += input.bytes_of(entry.part.to.unwrap_or(input.source().identity().size) - entry.next.0);
            tasks.push(Task { input: &**input, part: entry.part.clone(), definition });
        }
    }
    let progress = StepProgress::new("loading", bytes, quiet);
    let loaded = worker::load(run, &tasks, threads, &progress);
    progress.finish();
    loaded
}
