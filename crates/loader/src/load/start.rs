//! The start of a run, in one transaction: the loader's schema, the topics' tables, the claim of the partitions.

use tokio_postgres::Client;

use crate::config::{Config, TableName, Topic};
use crate::definition::Definition;
use crate::failure::Failure;
use crate::kafka::Partition;
use crate::pg::{self, Found, Position};
use crate::registry::Schema;

/// What the run works on.
pub struct Assigned {
    /// The topics, in the order of the configuration.
    pub topics: Vec<AssignedTopic>,
    /// All their partitions.
    pub partitions: Vec<AssignedPartition>,
    /// The schemas that were seen before.
    pub schemas: Vec<Schema>,
}

/// A topic and its table.
pub struct AssignedTopic {
    /// Its section of the configuration.
    pub config: Topic,
    /// Its table, with the schema.
    pub table: TableName,
    /// What the table looks like, unless that has to be inferred.
    pub definition: Option<Definition>,
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
    pg::ensure_schema(&tx).await.map_err(at("schema loader"))?;
    let mut topics = Vec::with_capacity(config.topics.len());
    for topic in &config.topics {
        topics.push(prepare(&tx, &config.job, topic).await?);
    }
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
    Ok(Assigned { topics, partitions: assigned, schemas })
}

/// Finds out what the topic's table looks like, and creates it if that is known and it is missing.
async fn prepare(
    tx: &tokio_postgres::Transaction<'_>,
    job: &str,
    topic: &Topic,
) -> Result<AssignedTopic, Failure> {
    let place = format!("table {} of topic {:?}", topic.table(), topic.name);
    let at = |error: tokio_postgres::Error| pg::failure(&place, &error);
    let table = pg::qualify(tx, topic.table()).await.map_err(at)?;
    let found = Found::look_up(tx, &table).await?;
    let recorded = pg::recorded(tx, job, &topic.name).await.map_err(at)?;
    let same_table = recorded.as_ref().filter(|recorded| recorded.table == table);
    let known = match (&topic.columns, same_table, &found) {
        (Some(columns), _, _) => Some(Definition::new(topic, table.clone(), columns.clone())),
        (None, Some(recorded), _) => Some(Definition::new(topic, table.clone(), recorded.columns.clone())),
        (None, None, Some(found)) => Some(found.definition(topic)?),
        (None, None, None) => None,
    };
    if let Some(definition) = &known {
        let ddl = match &found {
            Some(found) => {
                found.check(definition)?;
                None
            }
            None => {
                let ddl = definition.create_table();
                tx.batch_execute(&ddl).await.map_err(at)?;
                Some(ddl)
            }
        };
        if recorded.as_ref() != Some(definition) || ddl.is_some() {
            pg::record(tx, job, &topic.name, definition, ddl.as_deref()).await.map_err(at)?;
        }
    }
    Ok(AssignedTopic { config: topic.clone(), table, definition: known })
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
