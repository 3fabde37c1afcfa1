//! `tally plan`: what would `tally load` do with the messages that are there? Changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::Config;
use crate::failure::Failure;
use crate::load::{rehearse, runtime};

/// Try to load a few messages, show the tables and what becomes of the messages, and roll it back.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How many messages to look at, at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    messages: u32,
}

/// Runs the command.
pub fn run(args: Args) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let rehearsal = runtime()?.block_on(rehearse(&config, args.messages as usize))?;
    if rehearsal.messages == 0 {
        println!("-- the topics have no messages");
        return Ok(());
    }
    for statement in &rehearsal.ddl {
        println!("{statement};");
    }
    println!("-- {} messages would become", rehearsal.messages);
    for (table, rows) in &rehearsal.tables {
        println!("--   {rows} rows of {table}");
    }
    let mut reasons: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for reject in rehearsal.refused {
        let key = (reject.sqlstate, reject.column.unwrap_or_default());
        reasons.entry(key).or_insert((0, reject.message)).0 += 1;
    }
    println!("--   {} dead letters", reasons.values().map(|(count, _)| count).sum::<usize>());
    for ((sqlstate, column), (count, message)) in reasons {
        let column = if column.is_empty() { column } else { format!(" column {column:?}:") };
        println!("--     {count} x {sqlstate}{column} {}", message.replace('\n', " "));
    }
    Ok(())
}
