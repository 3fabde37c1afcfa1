//! The slots that a run has to work on, which its jobs share.

use std::collections::VecDeque;

use crate::ledger::{Entry, Written};
use crate::slot::Slot;

/// Number of bytes of rows that a job holds in memory, about.
const ROWS_BYTES: usize = 16 << 20;
/// Number of slots of a stretch at most.
const MOST_SLOTS: usize = 1000;
/// First guess of the size of a row.
const ROW_BYTES: usize = 128;

/// A piece of work for a job.
pub enum Task {
    /// Writes the objects of consecutive slots.
    Write(Vec<Slot>),
    /// Writes the object of a slot whose rows do not fit into memory.
    WriteLarge(Slot),
    /// Proves an object that was written before.
    Prove(Box<(Entry, Written)>),
}

/// A slot to be written.
struct Planned {
    slot: Slot,
    rows: usize,
    /// Whether there are no rows of others between it and the one before.
    follows: bool,
}

/// The work that is left.
pub struct Work {
    planned: VecDeque<Planned>,
    large: Vec<Slot>,
    proofs: Vec<(Entry, Written)>,
    is_interrupted: bool,
    row_bytes: usize,
}

impl Work {
    /// No work yet.
    pub fn new() -> Self {
        Self {
            planned: VecDeque::new(),
            large: Vec::new(),
            proofs: Vec::new(),
            is_interrupted: true,
            row_bytes: ROW_BYTES,
        }
    }

    /// Adds a slot to be written; slots come by time.
    pub fn write(&mut self, slot: Slot, rows: i64) {
        let rows = usize::try_from(rows).unwrap_or(0);
        self.planned.push_back(Planned { slot, rows, follows: !self.is_interrupted });
        self.is_interrupted = false;
    }

    /// Adds an object to be proved.
    pub fn prove(&mut self, entry: Entry, written: Written) {
        self.proofs.push((entry, written));
        self.is_interrupted = true;
    }

    /// Passes over a slot that has rows.
    pub fn leave(&mut self) {
        self.is_interrupted = true;
    }

    /// Returns the next task: as many slots as fit into memory.
    pub fn next(&mut self) -> Option<Task> {
        if let Some(slot) = self.large.pop() {
            return Some(Task::WriteLarge(slot));
        }
        let Some(Planned { slot, rows, .. }) = self.planned.pop_front() else {
            return self.proofs.pop().map(|proof| Task::Prove(Box::new(proof)));
        };
        let most = ROWS_BYTES / self.row_bytes;
        if rows > most {
            return Some(Task::WriteLarge(slot));
        }
        let (mut slots, mut sum) = (vec![slot], rows);
        while let Some(next) = self.planned.front() {
            sum += next.rows;
            if !next.follows || sum > most || slots.len() >= MOST_SLOTS {
                break;
            }
            slots.push(next.slot);
            self.planned.pop_front();
        }
        Some(Task::Write(slots))
    }

    /// Takes slots back that did not fit into memory.
    pub fn are_large(&mut self, slots: &[Slot]) {
        self.large.extend(slots);
    }

    /// Learns the size of rows.
    pub fn learn(&mut self, rows: usize, bytes: usize) {
        if let Some(mean) = bytes.checked_div(rows) {
            self.row_bytes = mean.max(1);
        }
    }
}

/// Whether rows in memory are many more than was expected.
pub fn is_too_much(bytes: usize) -> bool {
    bytes > 2 * ROWS_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::Granularity;

    #[test]
    fn stretches_fit_into_memory_and_pass_over_nothing() {
        let slot = |number| Slot::numbered(number, Granularity::Hour);
        let mut work = Work::new();
        let most = (ROWS_BYTES / ROW_BYTES) as i64;
        for (number, rows) in [(1, 10), (2, most - 10), (3, 10), (7, 10)] {
            work.write(slot(number), rows);
        }
        work.leave();
        work.write(slot(9), 1);
        work.write(slot(10), most + 1);
        let mut found = Vec::new();
        while let Some(task) = work.next() {
            found.push(match task {
                Task::Write(slots) => slots.iter().map(|slot| slot.from / 3600).collect(),
                Task::WriteLarge(slot) => vec![-slot.from / 3600],
                Task::Prove(..) => vec![],
            });
        }
        assert_eq!(found, [vec![1, 2], vec![3, 7], vec![9], vec![-10]]);
    }
}
