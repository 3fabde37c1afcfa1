//! Rows that were read before their turn, kept as PostgreSQL's own WindowAgg keeps its rows: in `work_mem`, and beyond that in a
//! temporary file.

use crate::pg::executor::{
    clear, tuplestore_alloc_read_pointer, tuplestore_begin_heap, tuplestore_clear, tuplestore_end,
    tuplestore_gettupleslot, tuplestore_in_memory, tuplestore_puttupleslot, tuplestore_select_read_pointer,
    tuplestore_set_eflags, tuplestore_trim, ExecDropSingleTupleTableSlot, MakeSingleTupleTableSlot,
};
use pgrx::pg_sys::{self, MinimalTupleTableSlot, PlanState, TupleTableSlot, Tuplestorestate};
use std::ptr::null_mut;

/// Rows, and about as many bytes, that are read from a file at once: for each change between reading and writing the file is
/// flushed.
const BATCH_ROWS: usize = 64;
const BATCH_BYTES: usize = 64 << 10;

/// The reader whose turn it is.
#[derive(Clone, Copy)]
pub enum Turn {
    /// The row whose output is next.
    Current,
    /// The row that enters the frame next.
    Entering,
}

/// A queue of rows with one or two readers. Rows that all have read are dropped.
pub struct Ahead {
    store: *mut Tuplestorestate,
    current: QueueReader,
    entering: QueueReader,
    /// Rows put into the store, including those that were dropped.
    rows: i64,
    /// Bytes read from the file, which is not shortened before it is emptied.
    file_bytes: usize,
    most_file_bytes: usize,
}

struct QueueReader {
    pointer: i32,
    /// The slots of a batch, which are made when they are first needed, and null before.
    slots: [*mut TupleTableSlot; BATCH_ROWS],
    /// Rows taken out of the store, of which the first `next` were returned.
    filled: usize,
    next: usize,
    taken: i64,
}

impl QueueReader {
    fn new(pointer: i32) -> QueueReader {
        QueueReader { pointer, slots: [null_mut(); BATCH_ROWS], filled: 0, next: 0, taken: 0 }
    }

    /// Takes the next rows out of the store: one that is in memory, or as many as a batch has. Returns how many bytes
    /// came from the file.
    ///
    /// # Safety
    /// The store has this many rows, and the node runs; the contract of `pg::plain`.
    unsafe fn fill(&mut self, store: *mut Tuplestorestate, rows: i64, node: *mut PlanState) -> usize {
        (self.filled, self.next) = (0, 0);
        let mut bytes = 0;
        // SAFETY: no more rows are read than the caller says; the store clears a slot before it gets another row.
        unsafe {
            tuplestore_select_read_pointer(store, self.pointer);
            let in_memory = tuplestore_in_memory(store);
            for place in &mut self.slots {
                if self.taken >= rows || bytes >= BATCH_BYTES {
                    break;
                }
                if place.is_null() {
                    *place = slot(node);
                }
                tuplestore_gettupleslot(store, true, false, *place);
                self.filled += 1;
                self.taken += 1;
                if in_memory {
                    tuplestore_trim(store);
                    return 0;
                }
                bytes += (*(*place.cast::<MinimalTupleTableSlot>()).mintuple).t_len as usize;
            }
        }
        bytes
    }

    /// The slots that were made.
    fn made(&self) -> impl Iterator<Item = *mut TupleTableSlot> + '_ {
        self.slots.iter().copied().take_while(|slot| !slot.is_null())
    }

    /// Forgets all rows.
    ///
    /// # Safety
    /// Nobody uses the rows; the contract of `pg::plain`.
    unsafe fn clear(&mut self) {
        // SAFETY: slots that were made, whose rows nobody uses, as the caller promises.
        self.made().for_each(|slot| unsafe { clear(slot) });
        (self.filled, self.next, self.taken) = (0, 0, 0);
    }
}

impl Ahead {
    /// An empty queue, which lives as long as the query or until `end_queue`.
    ///
    /// # Safety
    /// A node of the running query; the contract of `pg::plain`. Both readers read, if rows enter from here.
    pub unsafe fn new(node: *mut PlanState, rows_enter_from_here: bool) -> Ahead {
        // SAFETY: made in the memory of the query.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo((*(*node).state).es_query_cxt);
            let store = tuplestore_begin_heap(false, false, pg_sys::work_mem);
            // Nothing goes back, so that rows can be let go.
            tuplestore_set_eflags(store, 0);
            let second = match rows_enter_from_here {
                true => tuplestore_alloc_read_pointer(store, 0),
                false => 0,
            };
            pg_sys::MemoryContextSwitchTo(before);
            let (current, entering) = (QueueReader::new(0), QueueReader::new(second));
            Ahead { store, current, entering, rows: 0, file_bytes: 0, most_file_bytes: 0 }
        }
    }

    /// Adds a row.
    ///
    /// # Safety
    /// A row of the node's input; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn put(&mut self, row: *mut TupleTableSlot) {
        // SAFETY: the store copies the row.
        unsafe { tuplestore_puttupleslot(self.store, row) }
        self.rows += 1;
    }

    /// The next row of a reader, until its next one or the end of the partition.
    ///
    /// # Safety
    /// The row was put in, and the node runs; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn take_row(&mut self, turn: Turn, node: *mut PlanState) -> *mut TupleTableSlot {
        let reader = match turn {
            Turn::Current => &mut self.current,
            Turn::Entering => &mut self.entering,
        };
        if reader.next == reader.filled {
            // SAFETY: the caller's node, and rows that were put into the store.
            let bytes = unsafe { reader.fill(self.store, self.rows, node) };
            if matches!(turn, Turn::Current) {
                self.file_bytes += bytes;
            }
        }
        reader.next += 1;
        reader.slots.get(reader.next - 1).copied().unwrap_or(null_mut())
    }

    /// Empties the queue, and its file.
    ///
    /// # Safety
    /// Nobody uses the rows that it returned; the contract of `pg::plain`.
    pub unsafe fn clear(&mut self) {
        if self.rows == 0 {
            return;
        }
        // SAFETY: no slot refers to a row in the store any more.
        unsafe {
            self.current.clear();
            self.entering.clear();
            tuplestore_clear(self.store);
        }
        self.rows = 0;
        self.most_file_bytes = self.file_bytes();
        self.file_bytes = 0;
    }

    /// Returns the most bytes of the file, as far as they were read.
    pub fn file_bytes(&self) -> usize {
        self.most_file_bytes.max(self.file_bytes)
    }

    /// Frees what the queue holds.
    ///
    /// # Safety
    /// As for `clear`; it is not used again.
    pub unsafe fn end_queue(&mut self) {
        // SAFETY: the caller promises that neither the rows nor the store are used again.
        unsafe {
            self.current.made().for_each(|slot| ExecDropSingleTupleTableSlot(slot));
            self.entering.made().for_each(|slot| ExecDropSingleTupleTableSlot(slot));
            tuplestore_end(self.store);
        }
    }
}

/// A slot for rows as they are in a store.
unsafe fn slot(node: *mut PlanState) -> *mut TupleTableSlot {
    // SAFETY: made in the memory of the query, which outlives the queue.
    unsafe {
        let before = pg_sys::MemoryContextSwitchTo((*(*node).state).es_query_cxt);
        let row_type = (*(*node).lefttree).ps_ResultTupleDesc;
        let slot = MakeSingleTupleTableSlot(row_type, &raw const pg_sys::TTSOpsMinimalTuple);
        pg_sys::MemoryContextSwitchTo(before);
        slot
    }
}
