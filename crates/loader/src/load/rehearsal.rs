//! A trial load: stores a few messages, reports what became of them, and rolls everything back.

use std::sync::{mpsc as sync, Arc};
use std::time::Duration;

use tally_postgres::Failure;
use tally_program::{Hangup, Stop};
use tally_rows::config::{Config, Mode, TableName};
use tally_rows::decode::Reject;
use tally_rows::definition::Definition;
use tokio::sync::mpsc;
use tokio_postgres::Client;

use super::assignment::Assigned;
use super::batch::assembler::Assembler;
use super::batch::dead_letter::MessageDeadLetter;
use super::batch::MessageBatch;
use super::circuit_breaker::CircuitBreaker;
use super::read::end::EndOffsets;
use super::read::order::{Order, StoredOffsets};
use super::read::thread::{ReaderSetup, ReaderThread};
use super::start::tables::prepare;
use super::start::{start, Intent};
use super::write::contents::store_rows;
use crate::observe;
use crate::store::ledger::CopyMode;
use crate::store::statements::Statements;
use crate::{kafka, pg};

/// Time to wait for messages.
const PATIENCE: Duration = Duration::from_secs(5);

/// The result of a trial load.
#[derive(Default)]
pub struct Rehearsal {
    /// Number of messages that were read.
    pub messages: usize,
    /// Statements that would create or alter tables.
    pub ddl: Vec<String>,
    /// The tables, with the number of rows that each would get.
    pub tables: Vec<(TableName, usize)>,
    /// The reasons why messages would be dead letters.
    pub refused: Vec<Reject>,
    /// Number of messages that no route would take.
    pub ignored: i64,
    /// The topics whose columns were inferred, with the definitions of their tables.
    pub inferred: Vec<(String, Definition)>,
}

/// Reads at most this many messages from where the job would go on, or the last ones if it has read them all, and tries
/// to store them.
pub async fn rehearse(config: &Config, messages: usize) -> Result<Rehearsal, Failure> {
    let mut config = config.clone();
    config.batch.rows = messages;
    config.batch.age_ms = PATIENCE.as_millis() as u64;
    (config.mode, config.watchdog_ms) = (Mode::Assign, 0);
    let connector = pg::connector(&config.database, &config.job)?;
    let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    let watermarks = kafka::Watermarks::default();
    let consumer = kafka::consumer(&config, watermarks.clone(), 0, &kafka::prefetch(&config))?;
    let config = kafka::find_topics(&consumer, &config)?;
    let partitions = kafka::partitions(&consumer, &config)?;
    let mut assigned = start(&mut client, &config, &partitions, Intent::Check).await?;
    let all_read = assigned.partitions.iter().all(|p| p.next >= p.high);
    for (assigned, partition) in assigned.partitions.iter_mut().zip(&partitions) {
        if all_read {
            assigned.next = partition.low.max(partition.high - messages as i64);
        }
    }
    match read_batch(&config, consumer, watermarks, &assigned).await? {
        Some(batch) => try_to_store(&mut client, &config, batch).await,
        None => Ok(Rehearsal::default()),
    }
}

/// Reads one batch; none if there are no messages.
async fn read_batch(
    config: &Config,
    consumer: kafka::JobConsumer,
    watermarks: kafka::Watermarks,
    assigned: &Assigned,
) -> Result<Option<MessageBatch>, Failure> {
    let (out, mut orders) = mpsc::channel(1);
    let setup = ReaderSetup {
        config: Arc::new(config.clone()),
        watermarks,
        assembler: Assembler::new(assigned, config)?,
        prefetch: kafka::prefetch(config),
        breaker: CircuitBreaker::new(config.topics.len()),
        end: Some(EndOffsets::at_high_watermarks(&assigned.partitions)),
        stored: StoredOffsets::default(),
        stop: Stop::on_signals(observe::stopping, Hangup::Stops)?,
        out,
    };
    let (_, added) = sync::channel();
    let reader = ReaderThread::spawn(setup, consumer, assigned.partitions.clone(), added);
    let batch = match orders.recv().await {
        Some(Order::Store(batch)) => Some(batch),
        _ => None,
    };
    drop(orders); // one batch is enough
    let (read, _) = reader.join().await?;
    match batch {
        Some(batch) => Ok(Some(batch)),
        None => read.map(|()| None),
    }
}

/// Stores a batch, and rolls it back.
async fn try_to_store(
    client: &mut Client,
    config: &Config,
    batch: MessageBatch,
) -> Result<Rehearsal, Failure> {
    let at = |error: tokio_postgres::Error| pg::failure("rehearsal", &error);
    let mut tx = client.transaction().await.map_err(at)?;
    pg::ensure_schema(&tx).await.map_err(at)?;
    let (_, mut tables, mut ddl) = prepare(&tx, config).await?;
    for change in &batch.changes {
        if let Some(statement) = &change.statement {
            tx.batch_execute(statement).await.map_err(at)?;
            ddl.push(statement.clone());
        }
        tables[change.table].definition = Some(change.definition.clone());
    }
    let mut statements = Statements::default();
    let refused = store_rows(&mut tx, &mut statements, &tables, &batch, CopyMode::RowByRow).await;
    tx.rollback().await.map_err(at)?;
    let refused = refused.map_err(at)?;
    let rows = |rows: &tally_rows::decode::Rows| {
        (0..rows.len()).filter(|row| !refused.contains_key(&rows.message(*row))).count()
    };
    let inferred = batch.changes.iter().map(|change| {
        let topic = tables[change.table].topic.clone();
        (topic, change.definition.clone())
    });
    let inferred = inferred.collect();
    let ignored = batch.ignored.values().sum();
    let counts = batch.rows.iter().map(rows);
    Ok(Rehearsal {
        ignored,
        inferred,
        messages: batch.messages,
        ddl,
        tables: tables.into_iter().map(|table| table.name).zip(counts).collect(),
        refused: batch
            .dead_letters
            .into_iter()
            .map(MessageDeadLetter::reason)
            .chain(refused.into_values())
            .collect(),
    })
}
