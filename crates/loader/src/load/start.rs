//! The start of a run, in one transaction: the loader's schema, the topics' tables, the claim of the partitions.

use tokio_postgres::Client;

use super::tables::{prepare, AssignedTopic, Table};
use crate::config::Config;
use crate::failure::Failure;
use crate::kafka::Partition;
use crate::pg::{self, Position};
use crate::registry::Schema;

/// What the run works on.
pub struct Assigned {
    /// The topics, in the order of the configuration.
    pub topics: Vec<AssignedTopic>,
    /// The tables that they go to.
    pub tables: Vec<Table>,
    /// All partitions of the topics.
    pub partitions: Vec<AssignedPartition>,
    /// The schemas that were seen before.
    pub schemas: Vec<Schema>,
}

/// A partition that this loader has claimed.
#[derive(Debug, Clone, Copy)]
pub struct AssignedPartition {
    /// Which of the topics it belongs to.
    pub topic: usize,
    /// Its number.
    pub number: i32,
    /// The offset to read next.
    pub next: i64,
    /// The high watermark at the start.
    pub high: i64,
    /// The claim's epoch.
    pub epoch: i64,
}

/// Whether the start is real or a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Load.
    Load,
    /// See whether it would work, and change nothing.
    Check,
}

/// Prepares everything in the database, or nothing.
pub async fn start(
    client: &mut Client,
    config: &Config,
    partitions: &[Partition],
    intent: Intent,
) -> Result<Assigned, Failure> {
    let at = |place: &str| {
        let place = place.to_string();
        move |error: tokio_postgres::Error| pg::failure(&place, &error)
    };
    let tx = client.transaction().await.map_err(at("database"))?;
    pg::ensure_schema(&tx).await.map_err(at(pg::OUR_SCHEMA))?;
    let (topics, tables, _) = prepare(&tx, config).await?;
    let positions = pg::claim(&tx, &config.job, partitions).await.map_err(at("table loader.offsets"))?;
    let mut assigned = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let position = positions[&(partition.topic.clone(), partition.number)];
        check_position(partition, position)?;
        let topic = topics
            .iter()
            .position(|t| t.config.name == partition.topic)
            .expect("partitions are of these topics");
        let Position { next, epoch } = position;
        assigned.push(AssignedPartition {
            topic,
            number: partition.number,
            next,
            high: partition.high,
            epoch,
        });
    }
    let schemas = match &config.registry {
        Some(registry) => pg::known_schemas(&tx, &registry.url).await.map_err(at("table loader.schemas"))?,
        None => Vec::new(),
    };
    // The dead letters' table is needed only when something is wrong; better to know now.
    let sql = "SELECT has_table_privilege('loader.dead_letters', 'INSERT')";
    if !tx.query_one(sql, &[]).await.map_err(at("database"))?.get::<_, bool>(0) {
        return Err(Failure::new("no right to INSERT")
            .at("table loader.dead_letters")
            .mend("GRANT INSERT ON loader.dead_letters TO the loader's role"));
    }
    match intent {
        Intent::Load => tx.commit().await.map_err(at("database"))?,
        Intent::Check => tx.rollback().await.map_err(at("database"))?,
    }
    Ok(Assigned { topics, tables, partitions: assigned, schemas })
}

/// A position that the broker does not have means lost or foreign messages: nothing to guess about.
fn check_position(partition: &Partition, position: Position) -> Result<(), Failure> {
    let Partition { topic, number, low, high, .. } = partition;
    let next = position.next;
    let what = if next < *low {
        format!(
            "offset {next} comes next, but the broker's oldest is {low}: retention removed the ones between"
        )
    } else if next > *high {
        format!("offset {next} comes next, but the broker ends at {high}: the topic was made anew")
    } else {
        return Ok(());
    };
    let mend = "set next_offset in loader.offsets to where reading should go on, or use another `job`";
    Err(Failure::new(what).at(format!("topic {topic:?} partition {number}")).mend(mend))
}
