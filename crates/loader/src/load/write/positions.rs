//! The rows of `loader.offsets` that this run has claimed, and how a batch moves them.

use std::collections::HashMap;

use tokio_postgres::{Error, Transaction};

use crate::kafka::Watermarks;
use crate::load::assignment::{Assigned, AssignedPartition};
use crate::load::batch::MessageBatch;
use crate::store::statements::Statements;

/// The claims of a run.
pub struct Positions {
    job: String,
    topics: Vec<String>,
    /// The epochs by topic and partition.
    epochs: HashMap<(usize, i32), i64>,
    watermarks: Watermarks,
}

/// A batch's spans as the columns of an `unnest`.
#[derive(Default)]
struct Columns<'a> {
    topics: Vec<&'a str>,
    partitions: Vec<i32>,
    from: Vec<i64>,
    to: Vec<i64>,
    epochs: Vec<i64>,
    highs: Vec<Option<i64>>,
    ignored: Vec<i64>,
}

impl Positions {
    /// The claims of an assignment.
    pub fn new(job: &str, assigned: &Assigned, watermarks: Watermarks) -> Self {
        let topics = assigned.topics.iter().map(|topic| topic.config.name.clone()).collect();
        let mut positions = Self { job: job.into(), topics, epochs: HashMap::new(), watermarks };
        positions.add(&assigned.partitions);
        positions
    }

    /// Adds claims.
    pub fn add(&mut self, partitions: &[AssignedPartition]) {
        self.epochs.extend(partitions.iter().map(|p| ((p.topic, p.number), p.epoch)));
    }

    /// The partitions that are claimed, by topic and number, with the epochs.
    pub fn claims(&self) -> impl Iterator<Item = ((usize, i32), i64)> + '_ {
        self.epochs.iter().map(|(partition, epoch)| (*partition, *epoch))
    }

    /// The job's name.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The name of a topic.
    pub fn topic(&self, topic: usize) -> &str {
        &self.topics[topic]
    }

    /// Moves the positions of a batch from where it begins to where it ends; returns false if one of them stood
    /// elsewhere, or was claimed by another loader.
    pub async fn advance(
        &self,
        tx: &Transaction<'_>,
        statements: &mut Statements,
        batch: &MessageBatch,
    ) -> Result<bool, Error> {
        const SQL: &str = "UPDATE loader.offsets o
             SET next_offset = s.to_offset, high_watermark = coalesce(s.high, o.high_watermark), updated_at = now(),
                 ignored = o.ignored + s.ignored
             FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
                  AS s(topic, partition, from_offset, to_offset, epoch, high, ignored)
             WHERE o.job = $1 AND o.topic = s.topic AND o.partition = s.partition
               AND o.next_offset = s.from_offset AND o.epoch = s.epoch";
        let statement = statements.prepare(tx, SQL).await?;
        let c = self.columns(batch);
        let parameters = [
            &self.job as _,
            &c.topics as _,
            &c.partitions as _,
            &c.from as _,
            &c.to as _,
            &c.epochs as _,
            &c.highs as _,
            &c.ignored as _,
        ];
        let moved = tx.execute(&statement, &parameters).await?;
        Ok(moved == batch.spans.len() as u64)
    }

    /// Returns whether all positions of a batch stand where it begins, and whether all stand where it ends.
    ///
    /// The row locks wait for an earlier attempt's transaction, should the server still run it.
    pub async fn compare(&self, tx: &Transaction<'_>, batch: &MessageBatch) -> Result<(bool, bool), Error> {
        const SQL: &str = "SELECT o.next_offset = s.from_offset, o.next_offset = s.to_offset
             FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[])
                  AS s(topic, partition, from_offset, to_offset, epoch)
             JOIN loader.offsets o ON o.job = $1 AND o.topic = s.topic AND o.partition = s.partition
                                  AND o.epoch = s.epoch
             FOR UPDATE OF o";
        let c = self.columns(batch);
        let rows = tx.query(SQL, &[&self.job, &c.topics, &c.partitions, &c.from, &c.to, &c.epochs]).await?;
        let all = |column: usize| rows.len() == batch.spans.len() && rows.iter().all(|row| row.get(column));
        Ok((all(0), all(1)))
    }

    fn columns(&self, batch: &MessageBatch) -> Columns<'_> {
        let mut columns = Columns::default();
        for ((topic, partition), span) in &batch.spans {
            let name = self.topics[*topic].as_str();
            columns.topics.push(name);
            columns.partitions.push(*partition);
            columns.from.push(span.from);
            columns.to.push(span.to);
            columns.epochs.push(self.epochs[&(*topic, *partition)]);
            columns.ignored.push(batch.ignored.get(&(*topic, *partition)).copied().unwrap_or(0));
            columns.highs.push(self.watermarks.high(name, *partition));
        }
        columns
    }
}
