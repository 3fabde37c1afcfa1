//! `tally-market demo`: the whole way from a market to an analyst's answers.

mod database;
mod lead;
mod process;
mod questions;
mod tree;

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

use console::style;
use indicatif::HumanCount;
use jiff::SignedDuration;
use tally_postgres::Failure;

use crate::simulate::market::symbol;
use crate::simulate::producer::TopicProducer;
use crate::simulate::surge::Surge;
use crate::simulate::{self, MarketArgs};
use database::{Database, NAME};
use lead::Lead;
use process::Process;
use questions::Questions;

const TOPIC: &str = "trades";
const PARTITIONS: i32 = 24;
/// The share of malformed messages: hardly visible, but enough for every kind to occur.
const MALFORMED: f64 = 0.0001;

/// Simulate a market, load it and ask the first questions, using an embedded broker.
///
/// Works in the schema tally_demo, which it empties first and drops at the end.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// The database, postgresql://user@host/name; the extension pg_tally must be installed on its server
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    database: String,
    /// Keep the schema tally_demo, to ask further questions
    #[arg(long)]
    keep: bool,
    /// Messages to produce
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// The market
    #[command(flatten)]
    market: MarketArgs,
}

/// Runs the command.
pub fn run(args: DemoArgs) -> Result<(), Failure> {
    let DemoArgs { database: url, keep, count, mut market } = args;
    let surge = market.surge.get_or_insert_with(|| surge(market.symbols, market.days)).clone();
    let (range, began) = (tree::range(&market), begin(&market, &surge));
    let database = Database::prepare(&url)?;
    let outcome = load(&url, &database, count, market).and_then(|()| {
        let mut questions = Questions::default();
        for question in questions::FIRST {
            questions.ask(&database, question)?;
        }
        tree::compare(&mut questions, &database, range)?;
        questions.ask(&database, questions::REPORT)?;
        say(format_args!(
            "What the simulator did: from {began} on, it made the trades of {} {} times as large.",
            surge.symbol, surge.factor
        ))?;
        questions.ask(&database, questions::DETECT).map(drop)
    });
    if keep && outcome.is_ok() {
        return say(format_args!(
            "\nThe trades are still there: PGOPTIONS='-c search_path={NAME},public' psql '{url}'"
        ));
    }
    outcome.and(database.clean())?;
    say("\nThat is all. The demo has removed its tables.")
}

/// The change that the report is to find: one of the more active symbols, in the second half.
fn surge(symbols: u32, days: u32) -> Surge {
    let symbol = symbol(6.min(symbols as usize - 1));
    Surge { symbol, day: 0.6 * f64::from(days), factor: 1.5 }
}

fn begin(market: &MarketArgs, surge: &Surge) -> String {
    let after = SignedDuration::from_secs_f64(surge.day * 86_400.0);
    market
        .start
        .saturating_add(after)
        .map_or_else(|_| "never".into(), |at| at.strftime("%a %d %b %H:%M").to_string())
}

/// Produces the market and loads it at the same time, and checks that nothing was lost.
fn load(url: &str, database: &Database, count: u64, market: MarketArgs) -> Result<(), Failure> {
    let (_broker, brokers) = Process::broker(TOPIC, PARTITIONS)?;
    let config = configuration(url, &brokers)?;
    let mut loader = Process::loader(config.path())?;
    let producer = TopicProducer::connect(&brokers, TOPIC, None)?;
    let simulation = simulate::TopicArgs {
        brokers,
        topic: TOPIC.into(),
        partitions: None,
        count,
        rate: None,
        registry: None,
        realtime: false,
        malformed: MALFORMED,
        market,
    };

    say(format_args!(
        "{}\n\n{} trades of {} symbols over {} days of market time go to a Kafka broker made for this, and the loader \
         follows\nthem into PostgreSQL. One message in {} is spoiled, to see where it ends up.\n",
        style("pg_tally at work").bold(),
        HumanCount(count),
        simulation.market.symbols,
        simulation.market.days,
        HumanCount((1.0 / MALFORMED) as u64),
    ))?;
    let started = Instant::now();
    let mut lead = Lead::new(&producer, &mut loader, database, count);
    let produced = simulate::produce(&simulation, &producer, |sent| lead.wait(sent))?;
    let producing = started.elapsed();
    lead.wait_for_all(produced.messages)?;
    let loading = started.elapsed();
    loader.finish()?;

    let (loaded, dead) = database.stored()?;
    report("produced", produced.messages, Some(producing))?;
    report("loaded", loaded, Some(loading))?;
    report("dead letters", dead, None)?;
    if produced.messages != loaded + dead {
        return Err(Failure::new("produced is not loaded + dead letters").at("demo"));
    }
    say("Produced is loaded plus dead letters: nothing is lost, and nothing is stored twice.")
}

fn report(what: &str, count: u64, time: Option<Duration>) -> Result<(), Failure> {
    let rate = time.map(|time| HumanCount((count as f64 / time.as_secs_f64()) as u64));
    let rate = rate.map_or_else(String::new, |rate| format!("{:>12} a second", rate.to_string()));
    say(format_args!("{what:<13}{:>10}{rate}", HumanCount(count).to_string()))
}

/// Prints a line; fails if the reader has stopped reading.
fn say(line: impl Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| Failure::new(error).at("standard output"))
}

/// The loader's configuration, in a file that is removed at the end of the demo.
fn configuration(database: &str, brokers: &str) -> Result<tempfile::NamedTempFile, Failure> {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let text = include_str!("load.toml")
        .replace("\"DATABASE\"", &quoted(database))
        .replace("\"BROKERS\"", &quoted(brokers));
    let written = tempfile::NamedTempFile::with_suffix(".toml").and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        Ok(file)
    });
    written.map_err(|error| Failure::new(error).at("temporary file"))
}
