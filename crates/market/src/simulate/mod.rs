//! `tally-market simulate`: a market to load, produced to Kafka.
//!
//! Trades of many series come as a Poisson process; the price of each series is a jump diffusion (see [`merton`]),
//! observed at the times of its trades. One step of the model, which is `--delta` years, takes `--step-days` of market
//! time: by default a series moves by about 6% a day and jumps by a fifth about once a year, so that a million trades
//! over a week look like a market. A step per trade would be 2,000 years for each of 20 series.

mod csv;
mod daily;
mod encoding;
pub mod market;
pub mod merton;
pub mod poison;
pub mod producer;
mod quantity;
pub mod stream;
pub mod surge;
mod trade;

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tally_postgres::Failure;
use tally_rows::config::RegistryConfig;

use encoding::Encoding;
use market::{Clock, Market};
use merton::Parameters;
use poison::{Defect, Poison};
use producer::TopicProducer;
use quantity::{positive, share};
use stream::Stream;
use surge::Surge;

const DAY_SECONDS: f64 = 86_400.0;

/// Produce a simulated market to Kafka: trades whose prices follow Merton's jump diffusion; or write prices to files.
///
/// Trades come at random times, and a price is the value of its path at the time of a trade. One step of the model,
/// which is --delta years, takes --step-days of market time: by default a price moves by about 6% a day.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SimulateCommand {
    /// Write files instead of filling a topic.
    #[command(subcommand)]
    files: Option<Files>,
    #[command(flatten)]
    topic: TopicArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Files {
    Csv(csv::CsvArgs),
}

/// The topic to fill, and the messages to produce.
#[derive(Debug, clap::Args)]
pub struct TopicArgs {
    /// Kafka brokers, host:port, comma-separated
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub brokers: String,
    /// Topic to produce to; created if it is missing
    #[arg(long, default_value = "trades")]
    pub topic: String,
    /// Number of partitions of the topic [default: those it has; for a new topic, the broker's default]
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub partitions: Option<i32>,
    /// Number of messages to produce
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Messages per second [default: as fast as the broker takes them]
    #[arg(long, value_parser = positive)]
    pub rate: Option<f64>,
    /// Open the market now and run it in real time, at --rate
    #[arg(long, requires = "rate", conflicts_with_all = ["start", "days"])]
    pub realtime: bool,
    /// Write Avro instead of JSON, with its schema in the registry at this address
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
    /// Share of the messages to spoil, such as 0.001: truncated, of a wrong type, null, or without a field
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub malformed: f64,
    /// The market
    #[command(flatten)]
    pub market: MarketArgs,
}

/// The market: what trades, when, and how prices move.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Market")]
pub struct MarketArgs {
    /// Seed of the random numbers; equal seeds send identical messages
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of series that trade, each a symbol on an exchange
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub symbols: u32,
    /// Opening time of the market
    #[arg(long, default_value = "2026-01-01T00:00:00Z")]
    pub start: Timestamp,
    /// Days of market time over which the trades spread, on average
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=36_525))]
    pub days: u32,
    /// Days of market time per step of the price model
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    pub step_days: f64,
    /// A change to find: from a day of market time on, the trades of a symbol are larger by a factor, as in
    /// DOT.USDT:4.25:1.5
    #[arg(long, value_name = "SYMBOL:DAY:FACTOR")]
    pub surge: Option<Surge>,
    /// The model of prices
    #[command(flatten)]
    pub prices: Parameters,
}

/// Counts of the messages that were produced, and of their defects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Produced {
    /// The number of all messages, including spoiled ones.
    pub messages: u64,
    /// The numbers of spoiled messages, in the order of [`Defect::ALL`].
    pub spoiled: [u64; Defect::ALL.len()],
}

/// Runs the command.
pub fn run(command: SimulateCommand) -> Result<(), Failure> {
    match command.files {
        Some(Files::Csv(args)) => csv::run(&args),
        None => run_topic(command.topic),
    }
}

fn run_topic(args: TopicArgs) -> Result<(), Failure> {
    let producer = TopicProducer::connect(&args.brokers, &args.topic, args.partitions)?;
    let bar = progress_bar(args.count, "produced");
    let (started, mut pace) = (Instant::now(), Pace::new(args.rate));
    let produced = produce(&args, &producer, |sent| {
        pace.wait(sent);
        bar.set_position(sent);
        Ok(())
    })?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    println!("{produced} to {} on {} in {seconds:.1} s", args.topic, args.brokers);
    Ok(())
}

/// Produces all messages and waits for their delivery; `before_each` is called with the number sent so far and may
/// delay the next message.
pub fn produce(
    args: &TopicArgs,
    producer: &TopicProducer,
    mut before_each: impl FnMut(u64) -> Result<(), Failure>,
) -> Result<Produced, Failure> {
    let stream = args.stream()?;
    let mut produced = Produced::default();
    for (sent, message) in (0..args.count).zip(stream) {
        before_each(sent)?;
        producer.send(&message)?;
        if let Some(defect) = message.defect {
            produced.spoiled[defect as usize] += 1;
        }
    }
    produced.messages = producer.flush()?;
    Ok(produced)
}

impl TopicArgs {
    fn stream(&self) -> Result<Stream, Failure> {
        let MarketArgs { seed, symbols, start, days, step_days, surge, prices } = &self.market;
        let (start, trades_per_second) = match self.rate {
            Some(rate) if self.realtime => (Timestamp::now(), rate),
            _ => (*start, self.count as f64 / (f64::from(*days) * DAY_SECONDS)),
        };
        let clock = Clock {
            start_micros: start.as_microsecond(),
            trades_per_second,
            step_micros: step_days * DAY_SECONDS * 1e6,
        };
        let encoding = match &self.registry {
            Some(url) => Encoding::avro(&RegistryConfig::open(url)?, &self.topic)?,
            None => Encoding::Json,
        };
        let mut market = Market::open(*seed, *symbols, prices, clock);
        if let Some(surge) = surge {
            market.surge(surge).map_err(|what| Failure::usage(what).at("--surge"))?;
        }
        Ok(Stream::new(market, Poison::new(*seed, self.malformed), encoding))
    }
}

impl std::fmt::Display for Produced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "produced {} messages", self.messages)?;
        let spoiled = Defect::ALL.iter().zip(self.spoiled).filter(|(_, count)| *count > 0);
        for (i, (defect, count)) in spoiled.enumerate() {
            let before = if i == 0 { " (malformed: " } else { ", " };
            write!(f, "{before}{count} {}", defect.label())?;
        }
        f.write_str(if self.spoiled.iter().any(|count| *count > 0) { ")" } else { "" })
    }
}

/// Limits messages to a rate.
struct Pace {
    started: Instant,
    rate: Option<f64>,
}

impl Pace {
    fn new(rate: Option<f64>) -> Self {
        Self { started: Instant::now(), rate }
    }

    /// Waits until it is time for the message after the first `sent`.
    fn wait(&mut self, sent: u64) {
        let Some(rate) = self.rate else { return };
        let due = Duration::try_from_secs_f64(sent as f64 / rate).unwrap_or(Duration::MAX);
        std::thread::sleep(due.saturating_sub(self.started.elapsed()));
    }
}

/// Makes a progress bar, which is shown only on a terminal.
pub fn progress_bar(count: u64, verb: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {human_pos} of {human_len} {wide_bar} {elapsed}");
    ProgressBar::new(count).with_style(style.expect("a valid template")).with_message(verb)
}
