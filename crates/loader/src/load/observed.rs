//! Reports a stored batch to those who watch the loader.

use std::time::Duration;

use super::batch::Batch;
use super::dead_letter::DeadLetter;
use super::positions::Positions;
use crate::observe::{self, Stored};

/// Reports a batch; `refused` are the rows that the server did not take.
pub fn report(positions: &Positions, batch: &Batch, refused: &[DeadLetter], took: Option<Duration>) {
    let mut stored = Stored { bytes: batch.bytes as u64, took, ..Stored::default() };
    for (topic, rows) in batch.rows.iter().enumerate().filter(|(_, rows)| rows.len() > 0) {
        let name = positions.topic(topic);
        let newest = rows.originals.get(rows.len() - 1, name).0.timestamp;
        stored.newest.extend(newest.map(|at| (name.to_string(), at)));
        stored.rows.insert(name.into(), rows.len() as u64);
    }
    for letter in batch.dead_letters.iter().chain(refused) {
        *stored.dead_letters.entry((letter.topic().into(), letter.stage().name())).or_default() += 1;
    }
    for letter in refused {
        if let Some(rows) = stored.rows.get_mut(letter.topic()) {
            *rows -= 1;
        }
    }
    let position = |(&(topic, number), span): (&(usize, i32), &super::batch::Span)| {
        (positions.topic(topic).to_string(), number, span.to)
    };
    stored.positions = batch.spans.iter().map(position).collect();
    observe::stored(&stored);
}
