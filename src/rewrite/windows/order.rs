//! The order of the rows, as far as frames depend on it: peer groups, and values of the ordering column.

use super::definition::FrameDefinition;
use super::key::OrderingKey;
use crate::pg::execution::copies::Copies;
use crate::pg::memory::heap::room;
use crate::pg::values::value::StoredValue;
use pgrx::pg_sys::Datum;
use std::collections::VecDeque;

/// The order of the rows that have been read.
pub struct Order {
    has_groups: bool,
    /// The memory of the values.
    copies: Copies,
    /// The first rows of the groups from number `groups_before` on.
    groups: VecDeque<i64>,
    groups_before: i64,
    /// The group of the current row.
    group: i64,
    has_keys: bool,
    /// The values of the rows from number `keys_before` on.
    keys: VecDeque<Option<OrderingKey>>,
    keys_before: i64,
}

impl Order {
    /// The order before the first row.
    pub fn new(definition: &FrameDefinition, copies: Copies) -> Order {
        Order {
            has_groups: definition.has_groups(),
            copies,
            groups: VecDeque::new(),
            groups_before: 0,
            group: 0,
            has_keys: definition.has_keys(),
            keys: VecDeque::new(),
            keys_before: 0,
        }
    }

    /// Records the order of the next row, which has this number: whether it is the first of a peer group, and its value of
    /// the ordering column.
    #[inline]
    pub fn note(&mut self, number: i64, starts_group: bool, key: Option<&StoredValue>) {
        if self.has_groups && starts_group {
            room(&mut self.groups, 1);
            self.groups.push_back(number);
        }
        if self.has_keys {
            room(&mut self.keys, 1);
            self.keys.push_back(key.map(|key| OrderingKey::copy(key, self.copies)));
        }
    }

    /// The peer group of the current row, which has been read.
    pub fn group_of(&mut self, current: i64) -> i64 {
        while self.start_of(self.group + 1).is_some_and(|start| start <= current) {
            self.group += 1;
        }
        self.group
    }

    /// Returns the first row of a group, or of the first group if it would begin before the partition. None if it has
    /// not been read.
    pub fn start_of(&self, group: i64) -> Option<i64> {
        if group <= 0 {
            return Some(0);
        }
        self.groups.get(usize::try_from(group - self.groups_before).ok()?).copied()
    }

    /// The value of a row that has been read.
    pub fn key(&self, row: i64) -> Option<Datum> {
        self.keys.get((row - self.keys_before) as usize)?.as_ref().map(OrderingKey::datum)
    }

    /// Drops the groups before this distance from the current one, and the values before this row.
    pub fn forget(&mut self, group: i64, row: i64) {
        while self.groups_before < self.group.saturating_add(group) {
            self.groups.pop_front();
            self.groups_before += 1;
        }
        while self.keys_before < row && !self.keys.is_empty() {
            self.keys.pop_front();
            self.keys_before += 1;
        }
    }

    /// Returns the bytes in use, apart from copies.
    pub fn memory(&self) -> usize {
        self.groups.capacity() * size_of::<i64>() + self.keys.capacity() * size_of::<Option<OrderingKey>>()
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.keys.clear();
        (self.groups_before, self.group, self.keys_before) = (0, 0, 0);
    }
}
