//! The order of the rows, as far as frames depend on it: peer groups, and values of the ordering column.

use super::input::Input;
use super::key::{OrderingColumn, OrderingKey};
use crate::pg::alike::Alike;
use crate::pg::copies::Copies;
use crate::pg::executor::{column, in_memory_of};
use crate::pg::memory::room;
use crate::pg::plain::guarded;
use pgrx::pg_sys::{Datum, ExprContext, TupleTableSlot};
use std::collections::VecDeque;

/// The order of the rows that have been read.
pub struct Order {
    has_groups: bool,
    /// The memory of the values.
    copies: Copies,
    /// The comparison by order; None without an order, when all rows are peers.
    peers: Option<Alike>,
    /// The first rows of the groups from number `groups_before` on.
    groups: VecDeque<i64>,
    groups_before: i64,
    /// The group of the current row.
    group: i64,
    ordering: Option<OrderingColumn>,
    /// The values of the rows from number `keys_before` on.
    keys: VecDeque<Option<OrderingKey>>,
    keys_before: i64,
}

impl Order {
    /// The order before the first row.
    pub fn new(input: &Input, copies: Copies) -> Order {
        let definition = &input.definition;
        Order {
            has_groups: definition.has_groups(),
            copies,
            peers: input.peers,
            groups: VecDeque::new(),
            groups_before: 0,
            group: 0,
            ordering: definition.has_keys().then(|| OrderingColumn::of(input)),
            keys: VecDeque::new(),
            keys_before: 0,
        }
    }

    /// Records the order of the next row, which has this number.
    ///
    /// # Safety
    /// The row comes from the node's input, and the context belongs to the node; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn note(&mut self, row: *mut TupleTableSlot, number: i64, context: *mut ExprContext) {
        // SAFETY: the caller's row has the ordering column.
        unsafe {
            if self.has_groups {
                self.note_group(row, number, context);
            }
            if let Some(ordering) = &self.ordering {
                let value = column(row, ordering.number);
                in_memory_of(context, || {
                    guarded(|| {
                        room(&mut self.keys, 1);
                        self.keys.push_back(
                            value.map(|value| OrderingKey::copy(ordering.stored(value), self.copies)),
                        );
                    })
                });
            }
        }
    }

    /// Records the peer group of the next row.
    ///
    /// # Safety
    /// The row comes from the node's input, and the context belongs to the node; the contract of `pg::plain`.
    unsafe fn note_group(&mut self, row: *mut TupleTableSlot, number: i64, context: *mut ExprContext) {
        // SAFETY: the caller promises a row of the input and its context.
        unsafe {
            let is_first =
                number == 0 || self.peers.as_ref().is_some_and(|peers| !peers.include(row, context));
            if is_first {
                guarded(|| {
                    room(&mut self.groups, 1);
                    self.groups.push_back(number);
                });
                if let Some(peers) = &self.peers {
                    peers.begin_group(row);
                }
            }
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
