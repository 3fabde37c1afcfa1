//! Minimum of a sliding window over values of any ordered type, in amortised O(1) per row.
//!
//! A queue of the values that could still become the least: ascending, since a value is dropped as soon as a newer one
//! is no greater. Its oldest is the answer.

use std::cmp::Ordering;
use std::collections::{TryReserveError, VecDeque};

/// A sliding window that knows its least value, by the order given with each push.
#[derive(Debug)]
pub struct Extreme<T> {
    /// Candidates with the number of their push, both ascending.
    candidates: VecDeque<(u64, T)>,
    pushed: u64,
    popped: u64,
}

impl<T> Default for Extreme<T> {
    fn default() -> Self {
        Extreme { candidates: VecDeque::new(), pushed: 0, popped: 0 }
    }
}

impl<T> Extreme<T> {
    /// Adds the newest value. Of equal values the newest is kept.
    #[inline]
    pub fn push(&mut self, value: T, order: impl Fn(&T, &T) -> Ordering) -> Result<(), TryReserveError> {
        while self.candidates.back().is_some_and(|(_, last)| order(last, &value) != Ordering::Less) {
            self.candidates.pop_back();
        }
        self.candidates.try_reserve(1)?;
        self.candidates.push_back((self.pushed, value));
        self.pushed += 1;
        Ok(())
    }

    /// Drops the oldest value.
    #[inline]
    pub fn pop(&mut self) {
        if self.candidates.front().is_some_and(|&(number, _)| number == self.popped) {
            self.candidates.pop_front();
        }
        self.popped += 1;
    }

    /// The bytes that the candidates take, without what they refer to.
    pub fn memory(&self) -> usize {
        self.candidates.capacity() * size_of::<(u64, T)>()
    }

    /// The least value; `None` of an empty window.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.candidates.front().map(|(_, value)| value)
    }
}
