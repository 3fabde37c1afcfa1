//! What the frames need to know of the order of the rows: their peer groups, and the values of the ordering column.

use super::copies::Copies;
use super::definition::Definition;
use super::key::{Key, OrderingColumn};
use crate::pg::executor::{column, copy_row, execTuplesMatchPrepare, holds, in_memory_of};
use crate::pg::memory::room;
use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, PlanState, TupleTableSlot, WindowAgg};
use std::collections::VecDeque;

/// As far as the rows have been read, and only what the frame depends on.
pub struct Order {
    has_groups: bool,
    /// Without an order all rows are peers.
    peers: Option<Alike>,
    /// The first rows of the groups from number `groups_before` on.
    groups: VecDeque<i64>,
    groups_before: i64,
    /// The group of the current row.
    group: i64,
    ordering: Option<OrderingColumn>,
    /// The values of the rows from number `keys_before` on.
    keys: VecDeque<Option<Key>>,
    keys_before: i64,
}

impl Order {
    /// Before the first row.
    ///
    /// # Safety
    /// A node that is being initialised, its input already is.
    pub unsafe fn new(node: *mut PlanState, definition: &Definition, copies: Copies) -> Order {
        // SAFETY: what is made lives as long as the query.
        unsafe {
            let WindowAgg { ordNumCols, ordColIdx, ordOperators, ordCollations, .. } = *definition.window;
            let input = (*(*(*node).lefttree).plan).targetlist;
            let peers = Alike::new(node, ordNumCols, ordColIdx, ordOperators, ordCollations);
            Order {
                has_groups: definition.has_groups(),
                peers,
                groups: VecDeque::new(),
                groups_before: 0,
                group: 0,
                ordering: definition.has_keys().then(|| OrderingColumn::of(definition.window, input, copies)),
                keys: VecDeque::new(),
                keys_before: 0,
            }
        }
    }

    /// Takes note of the next row, which has this number.
    ///
    /// # Safety
    /// A row of the node's input.
    #[inline]
    pub unsafe fn note(&mut self, row: *mut TupleTableSlot, number: i64, context: *mut ExprContext) {
        // SAFETY: see above.
        unsafe {
            if self.has_groups {
                self.note_group(row, number, context);
            }
            if let Some(ordering) = &self.ordering {
                let value = column(row, ordering.number);
                room(&mut self.keys, 1);
                let key = in_memory_of(context, || value.map(|value| Key::copy(value, ordering)));
                self.keys.push_back(key);
            }
        }
    }

    unsafe fn note_group(&mut self, row: *mut TupleTableSlot, number: i64, context: *mut ExprContext) {
        // SAFETY: as for `note`.
        unsafe {
            let is_first =
                number == 0 || self.peers.as_ref().is_some_and(|peers| !peers.include(row, context));
            if is_first {
                room(&mut self.groups, 1);
                self.groups.push_back(number);
                if let Some(peers) = &self.peers {
                    peers.begin(row);
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

    /// The first row of a group; of one before the partition that of the first. None if it has not been read.
    pub fn start_of(&self, group: i64) -> Option<i64> {
        if group <= 0 {
            return Some(0);
        }
        self.groups.get(usize::try_from(group - self.groups_before).ok()?).copied()
    }

    /// The value of a row that has been read.
    pub fn key(&self, row: i64) -> Option<Datum> {
        self.keys[(row - self.keys_before) as usize].as_ref().map(Key::datum)
    }

    /// Lets go of groups further away from the current one, and of values before that row.
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

    /// Bytes that it takes, copies apart.
    pub fn memory(&self) -> usize {
        self.groups.capacity() * size_of::<i64>() + self.keys.capacity() * size_of::<Option<Key>>()
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.keys.clear();
        (self.groups_before, self.group, self.keys_before) = (0, 0, 0);
    }
}

/// Rows that are equal in some columns.
pub struct Alike {
    equal: *mut ExprState,
    first: *mut TupleTableSlot,
}

impl Alike {
    /// None if there are no columns, so that all rows are alike.
    ///
    /// # Safety
    /// Columns of the input of a node that is being initialised.
    pub unsafe fn new(
        node: *mut PlanState,
        count: i32,
        columns: *const i16,
        operators: *const pg_sys::Oid,
        collations: *const pg_sys::Oid,
    ) -> Option<Alike> {
        if count == 0 {
            return None;
        }
        // SAFETY: the columns are those of the node's input.
        unsafe {
            let row_type = pg_sys::ExecGetResultType((*node).lefttree);
            let equal = execTuplesMatchPrepare(row_type, count, columns, operators, collations, node);
            let first = pg_sys::ExecInitExtraTupleSlot(
                (*node).state,
                row_type,
                &raw const pg_sys::TTSOpsMinimalTuple,
            );
            Some(Alike { equal, first })
        }
    }

    /// Makes a row the first of those that are like it.
    ///
    /// # Safety
    /// A row of the node's input.
    pub unsafe fn begin(&self, row: *mut TupleTableSlot) {
        // SAFETY: see above.
        unsafe { copy_row(self.first, row) }
    }

    /// Is a row like the first?
    ///
    /// # Safety
    /// A row of the node's input.
    #[inline]
    pub unsafe fn include(&self, row: *mut TupleTableSlot, context: *mut ExprContext) -> bool {
        // SAFETY: rows of the same type; the expression refers to them as inner and outer.
        unsafe {
            (*context).ecxt_innertuple = self.first;
            (*context).ecxt_outertuple = row;
            holds(self.equal, context)
        }
    }
}
