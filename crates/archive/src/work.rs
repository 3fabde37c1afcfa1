//! The slots that a run has to work on, which its jobs share.

use std::collections::VecDeque;

use crate::ledger::{Entry, Written};
use crate::slot::Slot;

/// Number of bytes of rows that all jobs together hold in memory, and each of them at least.
const HELD_BYTES: usize = 16 << 20;
const LEAST_BYTES: usize = 1 << 20;
/// Number of bytes of rows that a job puts into files, unless they are of one slot.
pub const SPILLED_BYTES: usize = 4 << 30;
/// Number of rows and of slots of a stretch at most: its rows are of one snapshot, which the server keeps meanwhile.
pub const MOST_ROWS: usize = 1 << 24;
const MOST_SLOTS: usize = 1000;
/// Number of rows for which a second job is not worth a connection.
const FEW_ROWS: usize = 1 << 17;

/// Returns the number of bytes of rows that each of some jobs holds in memory.
pub fn held(jobs: usize) -> usize {
    (HELD_BYTES / jobs).max(LEAST_BYTES)
}

/// A piece of work for a job.
pub enum Task {
    /// Writes the objects of consecutive slots.
    Write(Vec<Slot>),
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
    proofs: Vec<(Entry, Written)>,
    is_interrupted: bool,
    /// Number of rows of all slots to be written.
    rows: usize,
    /// Number of rows of a stretch at most, as far as is known.
    most: usize,
}

impl Work {
    /// No work yet for this many jobs.
    pub fn new(jobs: usize) -> Self {
        Self {
            jobs,
            planned: VecDeque::new(),
            proofs: Vec::new(),
            is_interrupted: true,
            rows: 0,
            most: MOST_ROWS,
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

    /// Returns the next task: as many slots as are a job's share.
    pub fn next(&mut self) -> Option<Task> {
        let Some(Planned { slot, rows, .. }) = self.planned.pop_front() else {
            return self.proofs.pop().map(|proof| Task::Prove(Box::new(proof)));
        };
        let most = (self.rows / self.jobs).max(FEW_ROWS).min(self.most);
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

    /// Takes slots back, with their numbers of rows, which together take too much room for rows of this size; they are by time.
    pub fn take_back(&mut self, slots: Vec<(Slot, usize)>, row_bytes: usize) {
        // Room for half as much, as others may be larger.
        self.most = self.most.min(SPILLED_BYTES / 2 / row_bytes.max(1));
        for (at, (slot, rows)) in slots.into_iter().enumerate().rev() {
            self.planned.push_front(Planned { slot, rows, follows: at > 0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::Granularity;

    fn slot(number: i64) -> Slot {
        Slot::numbered(number, Granularity::Hour)
    }

    fn tasks(work: &mut Work) -> Vec<Vec<i64>> {
        std::iter::from_fn(|| work.next())
            .map(|task| match task {
                Task::Write(slots) => slots.iter().map(|slot| slot.from / 3600).collect(),
                Task::Prove(..) => vec![],
            })
            .collect()
    }

    #[test]
    fn stretches_are_shares_and_pass_over_nothing() {
        let (few, mut work) = (FEW_ROWS as i64, Work::new(2));
        for (number, rows) in [(1, few), (2, few), (3, few), (7, 10)] {
            work.write(slot(number), rows);
        }
        work.leave();
        work.write(slot(9), 1);
        work.write(slot(10), 2 * few);
        work.write(slot(11), 1);
        assert_eq!(tasks(&mut work), [vec![1, 2], vec![3, 7], vec![9, 10, 11]]);
    }

    #[test]
    fn rows_that_take_too_much_room_are_read_in_smaller_stretches() {
        let (most, mut work) = (MOST_ROWS as i64, Work::new(1));
        (1..=4).for_each(|number| work.write(slot(number), most / 4));
        let Some(Task::Write(slots)) = work.next() else { panic!("no stretch") };
        assert_eq!(slots.len(), 4);
        let (rows, row_bytes) = (most as usize / 4, SPILLED_BYTES / MOST_ROWS);
        work.take_back(slots[1..].iter().map(|slot| (*slot, rows)).collect(), row_bytes);
        assert_eq!(tasks(&mut work), [vec![2, 3], vec![4]]);
    }

    #[test]
    fn all_jobs_together_hold_so_much() {
        assert!((1..=64).all(|jobs| jobs * held(jobs) <= HELD_BYTES.max(jobs * LEAST_BYTES)));
        assert_eq!((held(1), held(2), held(64)), (HELD_BYTES, HELD_BYTES / 2, LEAST_BYTES));
    }
}
