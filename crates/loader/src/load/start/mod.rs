//! The start of a run, in one transaction: the loader's schema, the topics' tables, the claim of the partitions.

pub mod bounds;
pub mod claims;
pub mod tables;

use tally_postgres::Failure;
use tally_rows::config::{Config, Mode};
use tokio_postgres::Client;

use crate::kafka::Partition;
use crate::load::assignment::Assigned;
use crate::pg;
use claims::{claim, renew};
use tables::prepare;

/// Whether the start is real or a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Load messages.
    Load {
        /// Begin from nothing even if a topic that was loaded before has no positions.
        accept_empty_positions: bool,
    },
    /// Find out whether loading would work, and change nothing.
    Check,
}

/// Prepares everything in the database, or nothing; claims this loader's fixed share of the partitions, if it has one.
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
    if intent != (Intent::Load { accept_empty_positions: true }) {
        refuse_missing_positions(&tx, config).await?;
    }
    pg::ensure_positions(&tx, &config.job, partitions).await.map_err(at("table loader.offsets"))?;
    let mine: Vec<Partition> = match config.mode {
        Mode::Assign => {
            let is_mine = |p: &&Partition| {
                let topic = config.topics.iter().find(|topic| topic.name == p.topic);
                topic.is_some_and(|topic| config.owns(topic, p.number))
            };
            partitions.iter().filter(is_mine).cloned().collect()
        }
        Mode::Subscribe if intent == Intent::Check => partitions.to_vec(),
        Mode::Subscribe => Vec::new(),
    };
    let assigned = claim(&tx, config, &mine).await?;
    let (topics, tables, _) = prepare(&tx, config).await?;
    let schemas = match &config.registry {
        Some(registry) => pg::known_schemas(&tx, &registry.url).await.map_err(at("table loader.schemas"))?,
        None => Vec::new(),
    };
    // These tables are needed only when something goes wrong; a missing right is better noticed now.
    for table in ["loader.dead_letters", "loader.gaps"] {
        let sql = "SELECT has_table_privilege($1, 'INSERT')";
        if !tx.query_one(sql, &[&table]).await.map_err(at("database"))?.get::<_, bool>(0) {
            return Err(Failure::new("no right to INSERT")
                .at(format!("table {table}"))
                .mend(format!("GRANT INSERT ON {table} TO the loader's role")));
        }
    }
    match intent {
        Intent::Load { .. } => tx.commit().await.map_err(at("database"))?,
        Intent::Check => tx.rollback().await.map_err(at("database"))?,
    }
    Ok(Assigned { topics, tables, partitions: assigned, schemas })
}

/// Reads the current state again, for partitions claimed before; leaves out those that were taken over.
pub async fn restart(
    client: &mut Client,
    config: &Config,
    partitions: &[Partition],
    epochs: &[i64],
) -> Result<Assigned, Failure> {
    let at = |error: tokio_postgres::Error| pg::failure("database", &error);
    let tx = client.transaction().await.map_err(at)?;
    let assigned = renew(&tx, config, partitions, epochs).await?;
    let (topics, tables, _) = prepare(&tx, config).await?;
    let schemas = match &config.registry {
        Some(registry) => pg::known_schemas(&tx, &registry.url).await.map_err(at)?,
        None => Vec::new(),
    };
    tx.commit().await.map_err(at)?;
    Ok(Assigned { topics, tables, partitions: assigned, schemas })
}

/// Refuses to start if a topic was loaded before but has no positions: this is not the server that the job last wrote
/// to, or somebody removed them.
async fn refuse_missing_positions(
    tx: &tokio_postgres::Transaction<'_>,
    config: &Config,
) -> Result<(), Failure> {
    let topics: Vec<&str> = config.topics.iter().map(|topic| topic.name.as_str()).collect();
    let missing = pg::without_positions(tx, &config.job, &topics).await;
    match missing.map_err(|e| pg::failure("table loader.offsets", &e))?.first() {
        None => Ok(()),
        Some(topic) => {
            let what = "positions are missing, although loader.schema_history shows that the topic was loaded before: \
                        starting from nothing would store everything twice";
            Err(Failure::new(what).at(format!("job {:?} topic {topic:?}", config.job)).mend(
                "restore loader.offsets from where the rows came from, use another `job`, or, if the tables are \
                 empty too, give --accept-empty-positions",
            ))
        }
    }
}
