//! `tally check`: tests whether `tally load` would work. Says what is wrong, a line for each, and changes nothing.

mod database;
mod retention;

use std::path::PathBuf;

use tally_postgres::Failure;
use tally_program::single_threaded;
use tally_rows::config::{Config, Mode};
use tally_rows::registry::Registry;

use crate::job;
use crate::kafka::{self, Partition};
use crate::load::{start, Assigned, Intent};
use crate::observe;
use crate::pg;

/// Check the configuration, broker, topics, database and privileges without changing anything
#[derive(clap::Args)]
pub struct CheckArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command.
pub fn run(args: CheckArgs) -> Result<(), Failure> {
    #[cfg(feature = "serve")]
    if check_service(&args.config)? {
        return Ok(());
    }
    let config = job::read(&args.config)?;
    println!("configuration: ok, {} topics", config.topics.len());
    let mut found = config.clone();
    let partitions = kafka::metadata_client(&config).and_then(|consumer| {
        found = kafka::find_topics(&consumer, &config)?;
        kafka::partitions(&consumer, &found)
    });
    match &partitions {
        Ok(found) => println!("broker and topics: ok, {} partitions", found.len()),
        Err(failure) => println!("{failure}"),
    }
    // Without the broker there is nothing to claim, but tables and privileges can be checked.
    let database =
        single_threaded()?.block_on(check_database(&found, partitions.as_deref().unwrap_or_default()));
    if let Err(failure) = &database {
        println!("{failure}");
    }
    let registry = config.registry.as_ref().map(Registry::probe).transpose();
    match &registry {
        Ok(None) => {}
        Ok(Some(())) => println!("schema registry: ok"),
        Err(failure) => println!("{failure}"),
    }
    let http = config.http.as_ref().map(observe::probe).transpose();
    match &http {
        Ok(None) => {}
        Ok(Some(true)) => println!("metrics and health: ok"),
        Ok(Some(false)) => println!(
            "note: [http] listen is in use; unless it is by the loader of this job, `load` will stop"
        ),
        Err(failure) => println!("{failure}"),
    }
    let failed = [partitions.is_err(), database.is_err(), registry.is_err(), http.is_err()];
    match failed.iter().filter(|failed| **failed).count() {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} checks failed")).mend("see the lines above")),
    }
}

/// Checks the section of `tally serve`, if there is one; returns whether the file has nothing else.
#[cfg(feature = "serve")]
fn check_service(path: &std::path::Path) -> Result<bool, Failure> {
    let Some(checked) = tally_serve::check(path)? else { return Ok(false) };
    println!("[serve]: ok");
    for note in checked.notes {
        println!("note: {note}");
    }
    Ok(checked.is_alone)
}

/// Checks the database and the tables, and prints advice about them.
async fn check_database(config: &Config, partitions: &[Partition]) -> Result<(), Failure> {
    let connector = pg::connector(&config.database, &config.job)?;
    let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    let assigned = start(&mut client, config, partitions, Intent::Check).await?;
    let error = |error| connector.failure(&error);
    println!("{connector}: ok, {}", database::describe(&client).await.map_err(error)?);
    for topic in &assigned.topics {
        for table in topic.tables.iter().map(|number| &assigned.tables[*number]) {
            let columns = match &table.definition {
                Some(definition) => format!("{} columns", definition.columns.len()),
                None => "columns to be inferred".into(),
            };
            println!("topic {:?}: table {}, {columns}", topic.config.name, table.name);
        }
    }
    let behind: i64 = assigned.partitions.iter().map(|p| p.high - p.next).sum();
    // In a group the partitions are assigned only later, and without the broker they are unknown.
    if config.mode == Mode::Assign && !partitions.is_empty() {
        println!("{behind} messages to load");
    }
    let tables = assigned.tables.iter().map(|table| &table.name);
    let advice = database::advice(&client, &config.job, tables, behind).await.map_err(error)?;
    for line in retention::advice(positions(&assigned, partitions)).into_iter().chain(advice) {
        println!("note: {line}");
    }
    Ok(())
}

/// Returns the partitions that this loader would read, with their next offsets.
fn positions<'a>(
    assigned: &'a Assigned,
    partitions: &'a [Partition],
) -> impl Iterator<Item = (&'a Partition, i64)> {
    assigned.partitions.iter().filter_map(|p| {
        let name = &assigned.topics[p.topic].config.name;
        let partition = partitions.iter().find(|found| found.topic == *name && found.number == p.number)?;
        Some((partition, p.next))
    })
}
