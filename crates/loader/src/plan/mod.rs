//! `tally plan`: shows what `tally load` would do with the messages that are there. Changes nothing.

mod columns;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tally_postgres::Failure;
use tally_program::single_threaded;

use crate::job;
use crate::load::rehearse;

/// Load a few messages, show the resulting tables, rows and dead letters, and roll back
#[derive(clap::Args)]
pub struct PlanArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Maximum number of messages to read
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    messages: u32,
    /// Print inferred columns as sections of the configuration, for editing
    #[arg(long)]
    write_config: bool,
}

/// Runs the command.
pub fn run(args: PlanArgs) -> Result<(), Failure> {
    let config = job::read(&args.config)?;
    let rehearsal = single_threaded()?.block_on(rehearse(&config, args.messages as usize))?;
    if rehearsal.messages == 0 {
        println!("-- the topics have no messages");
        return Ok(());
    }
    if args.write_config {
        for (topic, definition) in &rehearsal.inferred {
            print!("{}", columns::section(topic, definition));
        }
        if rehearsal.inferred.is_empty() {
            println!("# no columns were inferred: all are configured or known already");
        }
        return Ok(());
    }
    for statement in &rehearsal.ddl {
        println!("{statement};");
    }
    for (_, definition) in &rehearsal.inferred {
        columns::guesses(definition).iter().for_each(|guess| println!("-- {guess}"));
    }
    println!("-- {} messages would become", rehearsal.messages);
    for (table, rows) in &rehearsal.tables {
        println!("--   {rows} rows of {table}");
    }
    if rehearsal.ignored > 0 {
        println!("--   ignored: {}, which no route takes", rehearsal.ignored);
    }
    let mut reasons: BTreeMap<(String, String, String), (usize, String)> = BTreeMap::new();
    for reject in rehearsal.refused {
        let key = (reject.sqlstate, reject.column.unwrap_or_default(), kind(&reject.message));
        reasons.entry(key).or_insert((0, reject.message)).0 += 1;
    }
    println!("--   {} dead letters", reasons.values().map(|(count, _)| count).sum::<usize>());
    for ((sqlstate, column, _), (count, message)) in reasons {
        let column = if column.is_empty() { column } else { format!(" column {column:?}:") };
        println!("--     {count} x {sqlstate}{column} {}", message.replace('\n', " "));
    }
    Ok(())
}

/// Removes quoted texts and numbers from an error message, so that equal causes are counted together.
fn kind(message: &str) -> String {
    let outside_quotes = message.split('"').step_by(2).collect::<String>();
    outside_quotes.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart_by_their_words() {
        assert_eq!(kind("text \"a b\" is not bigint"), kind("text \"x\" is not bigint"));
        assert_eq!(kind("number 1.5 is not bigint"), kind("number -2e9 is not bigint"));
        assert_ne!(kind("number 1.5 is not bigint"), kind("text \"x\" is not bigint"));
    }
}
