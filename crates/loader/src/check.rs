//! `tally check`: would `tally load` work? Says what is wrong, a line for each, and changes nothing.

use std::path::PathBuf;

use crate::config::Config;
use crate::failure::Failure;
use crate::kafka;
use crate::load::{runtime, start, Intent};
use crate::pg::Connector;
use crate::registry::Registry;

/// Check the configuration, the broker, the topics, the database and the rights, changing nothing.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command.
pub fn run(args: Args) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    println!("configuration: ok, {} topics", config.topics.len());
    let mut found = config.clone();
    let partitions = kafka::consumer(&config, kafka::Watermarks::default(), 0).and_then(|consumer| {
        found = kafka::find_topics(&consumer, &config)?;
        kafka::partitions(&consumer, &found)
    });
    match &partitions {
        Ok(found) => println!("broker and topics: ok, {} partitions", found.len()),
        Err(failure) => println!("{failure}"),
    }
    let database = runtime()?.block_on(async {
        let connector = Connector::new(&config.database, &config.job)?;
        let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
        // Without the broker there is nothing to claim, but tables and rights can be looked at.
        let partitions = partitions.as_deref().unwrap_or_default();
        start(&mut client, &found, partitions, Intent::Check).await
    });
    match &database {
        Ok(assigned) => {
            println!("database and rights: ok");
            for topic in &assigned.topics {
                for table in topic.tables.iter().map(|number| &assigned.tables[*number]) {
                    let columns = match &table.definition {
                        Some(definition) => format!("{} columns", definition.columns.len()),
                        None => "columns to be inferred".into(),
                    };
                    println!("topic {:?}: table {}, {columns}", topic.config.name, table.name);
                }
            }
        }
        Err(failure) => println!("{failure}"),
    }
    let registry = config.registry.as_ref().map(Registry::probe).transpose();
    match &registry {
        Ok(None) => {}
        Ok(Some(())) => println!("schema registry: ok"),
        Err(failure) => println!("{failure}"),
    }
    match [partitions.is_err(), database.is_err(), registry.is_err()].iter().filter(|failed| **failed).count()
    {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} checks failed")).mend("see the lines above")),
    }
}
