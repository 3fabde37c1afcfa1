//! `tally reset`: moves the positions of a topic. Rows are lost or doubled only if the user accepts that.

use std::path::PathBuf;
use std::str::FromStr;

use tally_postgres::Failure;
use tally_program::single_threaded;
use tally_rows::config::Config;

use super::start::bounds::{begin_at, Bound};
use crate::job;
use crate::kafka::{self, Partition};
use crate::pg::{self, Position};

/// Move the positions of a topic: to its beginning after it was recreated, or back to where loading is to be repeated
/// from.
#[derive(clap::Args)]
pub struct ResetArgs {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The topic.
    #[arg(long, value_name = "NAME")]
    topic: String,
    /// Only this partition of the topic.
    #[arg(long, value_name = "NUMBER")]
    partition: Option<i32>,
    /// Position to continue from
    #[arg(long, value_name = "beginning|end|TIME|OFFSET", default_value = "beginning")]
    to: Target,
    /// Go back although the messages are already stored: rows that are still there are stored a second time.
    #[arg(long)]
    accept_duplicates: bool,
    /// Go forward although the messages between are not stored; `loader.gaps` records them.
    #[arg(long)]
    accept_gaps: bool,
}

/// The position to continue from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Beginning,
    End,
    At(Bound),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "beginning" => Ok(Self::Beginning),
            "end" => Ok(Self::End),
            other => other.parse().map(Self::At).map_err(|error| format!("{error}, beginning or end")),
        }
    }
}

/// Runs the command.
pub fn run(args: ResetArgs) -> Result<(), Failure> {
    let mut config = job::read(&args.config)?;
    config.choose_topics(std::slice::from_ref(&args.topic))?;
    let metadata_client = kafka::metadata_client(&config)?;
    let mut partitions = kafka::partitions(&metadata_client, &config)?;
    partitions.retain(|partition| args.partition.is_none_or(|number| number == partition.number));
    if partitions.is_empty() {
        let what = format!("topic {:?} has no such partition", args.topic);
        return Err(Failure::usage(what).mend("correct --partition, or leave it out for all"));
    }
    match args.to {
        Target::Beginning => partitions.iter_mut().for_each(|partition| partition.begin = partition.low),
        Target::End => partitions.iter_mut().for_each(|partition| partition.begin = partition.high),
        Target::At(bound) => begin_at(bound, &metadata_client, &mut partitions)?,
    }
    single_threaded()?.block_on(reset(&config, &args, &partitions))
}

/// Moves the positions to where the partitions begin.
async fn reset(config: &Config, args: &ResetArgs, partitions: &[Partition]) -> Result<(), Failure> {
    let connector = pg::connector(&config.database, &config.job)?;
    let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    let failed = |error| pg::failure("table loader.offsets", &error);
    let tx = client.transaction().await.map_err(failed)?;
    pg::ensure_schema(&tx).await.map_err(|error| pg::failure(pg::OUR_SCHEMA, &error))?;
    let place = || format!("job {:?} topic {:?}", config.job, args.topic);
    if pg::sessions(&tx, &config.job).await.map_err(failed)? > 0 {
        return Err(Failure::new("a loader of the job is running").at(place()).mend("stop it first"));
    }
    let positions = pg::claim(&tx, &config.job, partitions).await.map_err(failed)?;
    let moves: Vec<Move> = partitions
        .iter()
        .map(|partition| Move::new(partition, positions[&(partition.topic.clone(), partition.number)]))
        .collect();
    let (again, between) = (sum(&moves, Move::again), sum(&moves, Move::between));
    if again > 0 && !args.accept_duplicates {
        let what = format!("{again} messages that are stored would be stored again");
        return Err(Failure::new(what).at(place()).mend("remove their rows, and give --accept-duplicates"));
    }
    if between > 0 && !args.accept_gaps {
        let what = format!("{between} messages that are not stored would be passed over");
        return Err(Failure::new(what).at(place()).mend("give --accept-gaps to do that"));
    }
    for step in &moves {
        pg::move_position(&tx, &config.job, step.partition, step.from, step.between() > 0)
            .await
            .map_err(failed)?;
    }
    tx.commit().await.map_err(failed)?;
    for Move { partition: Partition { topic, number, begin, .. }, from, .. } in &moves {
        println!("topic {topic:?} partition {number}: from {from} to {begin}");
    }
    Ok(())
}

/// The move of one position.
struct Move<'p> {
    partition: &'p Partition,
    from: i64,
    /// Whether the position belongs to an earlier topic of the same name.
    is_foreign: bool,
}

impl<'p> Move<'p> {
    fn new(partition: &'p Partition, position: Position) -> Self {
        let is_foreign = match (position.topic_id, partition.topic_id) {
            (Some(known), Some(found)) => known != found,
            _ => position.next > partition.high,
        };
        Self { partition, from: position.next, is_foreign }
    }

    /// Number of stored messages that would be loaded again; those that retention has removed do not count.
    fn again(&self) -> i64 {
        if self.is_foreign {
            0
        } else {
            (self.from - self.partition.begin).max(0)
        }
    }

    /// Number of messages that are not stored and never would be.
    fn between(&self) -> i64 {
        let from = if self.is_foreign { 0 } else { self.from };
        (self.partition.begin - from.max(self.partition.low)).max(0)
    }
}

fn sum<'p>(moves: &[Move<'p>], count: impl Fn(&Move<'p>) -> i64) -> i64 {
    moves.iter().map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_move_costs() {
        let id = |text: &str| text.parse().ok();
        let (old, new) = (id("cGdfdGFsbHkgdGVzdHMuIQ"), id("cGdfdGFsbHkgdGVzdHMuIg"));
        let partition =
            |begin| Partition { topic: "t".into(), topic_id: new, number: 0, low: 10, high: 100, begin };
        let cost = |begin, next, topic_id| {
            let partition = partition(begin);
            let step = Move::new(&partition, Position { next, epoch: 1, topic_id });
            (step.again(), step.between())
        };
        assert_eq!(cost(10, 50, new), (40, 0));
        assert_eq!(cost(100, 50, new), (0, 50));
        assert_eq!(cost(10, 5, new), (0, 0), "retention has removed what is between");
        assert_eq!(cost(10, 50, old), (0, 0), "those were messages of another topic");
        assert_eq!(cost(20, 50, old), (0, 10));
        assert_eq!(cost(10, 500, None), (0, 0));
    }

    #[test]
    fn targets() {
        assert_eq!("end".parse(), Ok(Target::End));
        assert_eq!("12".parse(), Ok(Target::At(Bound::Offset(12))));
        assert!("yesterday".parse::<Target>().unwrap_err().ends_with("beginning or end"));
    }
}
