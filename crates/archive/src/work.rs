//! The slots that a run has to work on, which its jobs share.

use std::collections::VecDeque;

use crate::ledger::{Entry, Written};
use crate::slot::Slot;

/// Number of bytes of rows that a job holds in memory, about.
const ROWS_BYTES: usize = 16 << 20;
/// Number of rows and of slots of a stretch at most: its rows are of one snapshot, which the server keeps meanwhile.
const MOST_ROWS: usize = 1 << 24;
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
    jobs: usize,
    planned: VecDeque<Planned>,
    large: Vec<Slot>,
    proofs: Vec<(Entry, Written)>,
    is_interrupted: bool,
    /// Number of rows of all slots to be written.
    rows: usize,
    row_bytes: usize,
    /// Whether rows of a slot are anywhere in the table, so that all rows of a stretch are in memory at once.
    is_scattered: bool,
}

impl Work {
    /// No work yet for this many jobs.
    pub fn new(jobs: usize) -> Self {
        Self {
            jobs,
            planned: VecDeque::new(),
            large: Vec::new(),
            proofs: Vec::new(),
            is_interrupted: true,
            rows: 0,
            row_bytes: ROW_BYTES,
            is_scattered: false,
        }
    }

    /// Adds a slot to be written; slots come by time.
    pub fn write(&mut self, slot: Slot, rows: i64) {
        let rows = usize::try_from(rows).unwrap_or(0);
        self.planned.push_back(Planned { slot, rows, follows: !self.is_interrupted });
        self.rows += rows;
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

    /// Returns the next task: as many slots as are a job's share, or as fit into memory if rows are scattered.
    pub fn next(&mut self) -> Option<Task> {
        if let Some(slot) = self.large.pop() {
            return Some(Task::WriteLarge(slot));
        }
        let Some(Planned { slot, rows, .. }) = self.planned.pop_front() else {
            return self.proofs.pop().map(|proof| Task::Prove(Box::new(proof)));
        };
        let held = ROWS_BYTES / self.row_bytes;
        if rows > held {
            return Some(Task::WriteLarge(slot));
        }
        let share = (self.rows / self.jobs).min(MOST_ROWS);
        let most = if self.is_scattered { held } else { share.max(held) };
        let (mut slots, mut sum) = (vec![slot], rows);
        while let Some(next) = self.planned.front() {
            sum += next.rows;
            if !next.follows || next.rows > held || sum > most || slots.len() >= MOST_SLOTS {
                break;
            }
            slots.push(next.slot);
            self.planned.pop_front();
        }
        Some(Task::Write(slots))
    }

    /// Takes slots back, with their numbers of rows, that did not fit into memory together; they are by time. Learns the size of rows.
    pub fn take_back(&mut self, slots: Vec<(Slot, usize)>, row_bytes: usize) {
        self.row_bytes = row_bytes.max(1);
        if self.is_scattered || slots.len() == 1 {
            self.large.extend(slots.into_iter().map(|(slot, _)| slot));
            return;
        }
        self.is_scattered = true;
        for (at, (slot, rows)) in slots.into_iter().enumerate().rev() {
            self.planned.push_front(Planned { slot, rows, follows: at > 0 });
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

    const HELD: i64 = (ROWS_BYTES / ROW_BYTES) as i64;

    fn slot(number: i64) -> Slot {
        Slot::numbered(number, Granularity::Hour)
    }

    fn tasks(work: &mut Work) -> Vec<Vec<i64>> {
        std::iter::from_fn(|| work.next())
            .map(|task| match task {
                Task::Write(slots) => slots.iter().map(|slot| slot.from / 3600).collect(),
                Task::WriteLarge(slot) => vec![-slot.from / 3600],
                Task::Prove(..) => vec![],
            })
            .collect()
    }

    #[test]
    fn stretches_are_shares_and_pass_over_nothing() {
        let mut work = Work::new(2);
        for (number, rows) in [(1, HELD), (2, HELD), (3, HELD), (7, 10)] {
            work.write(slot(number), rows);
        }
        work.leave();
        work.write(slot(9), 1);
        work.write(slot(10), HELD + 1);
        work.write(slot(11), 1);
        assert_eq!(tasks(&mut work), [vec![1, 2], vec![3, 7], vec![9], vec![-10], vec![11]]);
    }

    #[test]
    fn scattered_rows_are_read_as_far_as_they_fit_into_memory() {
        let mut work = Work::new(1);
        (1..=4).for_each(|number| work.write(slot(number), HELD / 2));
        let Some(Task::Write(slots)) = work.next() else { panic!("no stretch") };
        assert_eq!(slots.len(), 4);
        work.take_back(slots[1..].iter().map(|slot| (*slot, HELD as usize / 2)).collect(), ROW_BYTES);
        let Some(Task::Write(slots)) = work.next() else { panic!("no stretch") };
        assert_eq!(slots, [slot(2), slot(3)]);
        work.take_back(vec![(slot(3), HELD as usize)], ROW_BYTES);
        assert_eq!(tasks(&mut work), [vec![-3], vec![4]]);
    }
}
