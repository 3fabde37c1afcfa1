//! Counts what a batch stored, for metrics and the progress of the run.

use tally_rows::refusal::Stage;

use super::positions::Positions;
use crate::load::assignment::Table;
use crate::load::batch::{MessageBatch, OffsetSpan};
use crate::observe::Stored;
use crate::store::refusals::Refused;

/// Counts what a batch stored; `refused` are the messages of which the server did not take a row.
pub fn report(positions: &Positions, tables: &[Table], batch: &MessageBatch, refused: &Refused) -> Stored {
    let mut stored = Stored { bytes: batch.bytes as u64, ..Stored::default() };
    for (table, rows) in tables.iter().zip(&batch.rows).filter(|(_, rows)| !rows.is_empty()) {
        let out = match refused.is_empty() {
            true => 0,
            false => (0..rows.len()).filter(|row| refused.contains_key(&rows.message(*row))).count(),
        };
        stored.rows.insert(String::from(table.name.clone()), (rows.len() - out) as u64);
    }
    for (topic, count) in batch.raw_messages.by_topic() {
        stored.messages.insert(positions.topic(topic).into(), count);
    }
    for ((topic, _), count) in &batch.ignored {
        // A count is never negative.
        *stored.ignored.entry(positions.topic(*topic).into()).or_default() += *count as u64;
    }
    for letter in &batch.dead_letters {
        *stored.messages.entry(letter.topic().into()).or_default() += 1;
    }
    let mut count = |topic: &str, stage: Stage| {
        *stored.dead_letters.entry((topic.into(), stage.name())).or_default() += 1;
    };
    batch.dead_letters.iter().for_each(|letter| count(letter.topic(), letter.stage()));
    let topic_of = |message: usize| positions.topic(batch.raw_messages.topic(message));
    refused.keys().for_each(|message| count(topic_of(*message as usize), Stage::Write));
    if let Some(last) = batch.raw_messages.len().checked_sub(1) {
        let record = batch.raw_messages.get(last, topic_of(last));
        stored.newest = record.timestamp.map(|at| (record.topic.to_string(), at));
    }
    let position = |(&(topic, number), span): (&(usize, i32), &OffsetSpan)| {
        (positions.topic(topic).to_string(), number, span.to)
    };
    stored.positions = batch.spans.iter().map(position).collect();
    stored
}
