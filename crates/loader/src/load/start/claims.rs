//! Claims partitions: takes over their rows in `loader.offsets`, which say where to go on.

use tally_postgres::Failure;
use tally_rows::config::{Config, OnGap};
use tokio_postgres::Transaction;

use crate::kafka::Partition;
use crate::load::assignment::AssignedPartition;
use crate::pg::{self, Position};

/// Claims partitions that this loader does not have.
pub async fn claim(
    tx: &Transaction<'_>,
    config: &Config,
    partitions: &[Partition],
) -> Result<Vec<AssignedPartition>, Failure> {
    let found = pg::claim(tx, &config.job, partitions).await;
    let found = found.map_err(|error| pg::failure("table loader.offsets", &error))?;
    let mut assigned = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let position = found[&(partition.topic.clone(), partition.number)];
        assigned.push(check_position(tx, config, partition, position).await?);
    }
    Ok(assigned)
}

/// Reads the positions of partitions that this loader has claimed under these epochs; leaves out those it has lost.
pub async fn renew(
    tx: &Transaction<'_>,
    config: &Config,
    partitions: &[Partition],
    epochs: &[i64],
) -> Result<Vec<AssignedPartition>, Failure> {
    let found = pg::claimed(tx, &config.job, partitions, epochs).await;
    let found = found.map_err(|error| pg::failure("table loader.offsets", &error))?;
    let mut assigned = Vec::with_capacity(partitions.len());
    for partition in partitions {
        if let Some(position) = found.get(&(partition.topic.clone(), partition.number)) {
            assigned.push(check_position(tx, config, partition, *position).await?);
        }
    }
    Ok(assigned)
}

/// Checks a position against the broker. A position that the broker does not have means lost messages or another topic,
/// and is an error: nothing is guessed.
async fn check_position(
    tx: &Transaction<'_>,
    config: &Config,
    partition: &Partition,
    position: Position,
) -> Result<AssignedPartition, Failure> {
    let Partition { topic: name, topic_id, number, low, high, .. } = partition;
    let Position { mut next, epoch, topic_id: known } = position;
    let topic = config.topics.iter().position(|topic| topic.name == *name);
    let topic = topic.expect("partitions are of the configured topics");
    let stop = |what: String, mend: &str| {
        Err(Failure::new(what).at(format!("topic {name:?} partition {number}")).mend(mend))
    };
    if let (Some(known), Some(found)) = (known, topic_id) {
        if known != *found {
            return stop(
                format!("the topic was recreated: its id was {known} and is {found}"),
                "run `tally reset` to begin with its first message, or use another `job`",
            );
        }
    }
    if next > *high {
        return stop(
            format!("offset {next} comes next, but the broker ends at {high}: the topic was recreated"),
            "set next_offset in loader.offsets to where reading should go on, or use another `job`",
        );
    }
    if next < *low {
        if config.topics[topic].on_gap == OnGap::Stop {
            return stop(
                format!(
                    "offset {next} comes next, but the broker's oldest is {low}: retention removed the ones between"
                ),
                "set `on_gap = \"skip\"` for the topic, or next_offset in loader.offsets to where reading should \
                 go on, or use another `job`",
            );
        }
        let skipped = pg::skip(tx, &config.job, partition, next).await;
        skipped.map_err(|error| pg::failure("table loader.gaps", &error))?;
        tracing::warn!(topic = name, partition = number, from = next, to = low, "retention removed messages");
        next = *low;
    }
    Ok(AssignedPartition { topic, number: *number, next, high: *high, epoch, topic_id: *topic_id })
}
