//! A window that slides over values: O(1) per row, without ever subtracting.
//!
//! Two stacks make a queue: the front knows the summary of each of its suffixes, the back the summary of all its
//! values, and together they are the window. Values leave from the front; when it is used up, the whole back becomes
//! the front. Each value is summarised three times, whatever the width of the window.
//!
//! Only every 32nd suffix of the front is kept; those in between are computed when the oldest block is reached, so that
//! a row takes the memory of its value and a 32nd of a summary. Source of the idea: Tangwongsan, Hirzel & Schneider,
//! "Low-latency sliding-window aggregation in worst-case constant time", DEBS 2017 (Two-Stacks), and its Lite variant
//! of 2021.

use crate::tally::Tally;
use std::collections::{TryReserveError, VecDeque};

/// A summary that values add up to.
pub trait Summary: Copy {
    /// The type of the values that are summarised.
    type Value: Copy;
    /// The summary of no values: the identity of `merge`.
    const EMPTY: Self;
    /// Adds one value.
    fn observe(&mut self, value: Self::Value);
    /// Adds the values of another summary.
    fn merge(&mut self, other: &Self);
}

const BLOCK: usize = 32;

/// Consecutive values, and the summary of the values after them in the front.
struct SlidingBlock<S: Summary> {
    values: Vec<S::Value>,
    after: S,
}

/// A queue of values that knows their summary.
pub struct Sliding<S: Summary> {
    /// The blocks, oldest first. The front is a whole number of blocks.
    blocks: VecDeque<SlidingBlock<S>>,
    front_blocks: usize,
    /// Summaries of the front from each value of its oldest block on, newest first; the last is the whole front.
    suffixes: Vec<S>,
    /// The summary of the back.
    back: S,
    /// A used-up block, to be filled again.
    spare: Vec<S::Value>,
}

impl<S: Summary> Default for Sliding<S> {
    fn default() -> Self {
        let (blocks, suffixes, spare) = (VecDeque::new(), Vec::new(), Vec::new());
        Sliding { blocks, front_blocks: 0, suffixes, back: S::EMPTY, spare }
    }
}

impl<S: Summary> Sliding<S> {
    /// Adds the newest value. O(1). Fails if there is no memory for it.
    #[inline]
    pub fn push(&mut self, value: S::Value) -> Result<(), TryReserveError> {
        let behind_front = self.blocks.len() > self.front_blocks;
        match self.blocks.back_mut() {
            Some(block) if behind_front && block.values.len() < BLOCK => block.values.push(value),
            _ => self.push_block(value)?,
        }
        self.back.observe(value);
        Ok(())
    }

    #[cold]
    fn push_block(&mut self, value: S::Value) -> Result<(), TryReserveError> {
        let mut values = std::mem::take(&mut self.spare);
        values.try_reserve_exact(BLOCK)?;
        values.push(value);
        self.blocks.try_reserve(1)?;
        self.blocks.push_back(SlidingBlock { values, after: S::EMPTY });
        // Reserved once, for all blocks.
        self.suffixes.try_reserve_exact(BLOCK - self.suffixes.len())
    }

    /// Drops the oldest value, if there is one. O(1) on average.
    #[inline]
    pub fn pop(&mut self) {
        if self.suffixes.is_empty() {
            self.turn();
        }
        self.suffixes.pop();
        if self.suffixes.is_empty() && self.front_blocks > 0 {
            self.next_block();
        }
    }

    /// The bytes that the queue has allocated.
    pub fn memory(&self) -> usize {
        self.blocks.capacity() * size_of::<SlidingBlock<S>>()
            + (self.blocks.len() + 1) * BLOCK * size_of::<S::Value>()
            + self.suffixes.capacity() * size_of::<S>()
    }

    /// The summary of all values. O(1).
    #[inline]
    pub fn summary(&self) -> S {
        let mut summary = self.back;
        if let Some(front) = self.suffixes.last() {
            summary.merge(front);
        }
        summary
    }

    /// Turns the back into the front.
    #[cold]
    fn turn(&mut self) {
        let mut after = S::EMPTY;
        for block in self.blocks.iter_mut().rev() {
            block.after = after;
            block.values.iter().for_each(|&value| after.observe(value));
        }
        self.front_blocks = self.blocks.len();
        self.back = S::EMPTY;
        self.enter_block();
    }

    #[cold]
    fn next_block(&mut self) {
        if let Some(block) = self.blocks.pop_front() {
            self.spare = block.values;
            self.spare.clear();
        }
        self.front_blocks -= 1;
        self.enter_block();
    }

    /// Makes the suffixes of the oldest block of the front.
    fn enter_block(&mut self) {
        if self.front_blocks == 0 {
            return;
        }
        if let Some(block) = self.blocks.front() {
            let mut suffix = block.after;
            for &value in block.values.iter().rev() {
                suffix.observe(value);
                self.suffixes.push(suffix);
            }
        }
    }
}

impl Summary for Tally {
    type Value = f64;
    const EMPTY: Tally = Tally::EMPTY;

    #[inline(always)]
    fn observe(&mut self, value: f64) {
        Tally::observe(self, value);
    }

    #[inline(always)]
    fn merge(&mut self, other: &Tally) {
        Tally::merge(self, other);
    }
}
