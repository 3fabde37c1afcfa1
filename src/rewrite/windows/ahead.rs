//! Rows that were read before their turn, kept as PostgreSQL's own WindowAgg keeps its rows: in `work_mem`, and beyond that in a
//! temporary file.

use crate::pg::executor::{
    clear, tuplestore_clear, tuplestore_gettupleslot, tuplestore_puttupleslot,
    tuplestore_select_read_pointer, tuplestore_trim,
};
use pgrx::pg_sys::{self, MinimalTupleTableSlot, PlanState, TupleTableSlot, Tuplestorestate};
use std::ptr::null_mut;

/// Rows, and about as many bytes, that are read from a file at once: for each change between reading and writing the file is
/// flushed.
const BATCH_ROWS: usize = 64;
const BATCH_BYTES: usize = 64 << 10;

/// Whose turn it is.
#[derive(Clone, Copy)]
pub enum Turn {
    /// The row whose output is next.
    Current,
    /// The row that enters the frame next.
    Entering,
}

/// A queue of rows with one or two readers. What all have read is let go.
pub struct Ahead {
    store: *mut Tuplestorestate,
    readers: [Reader; 2],
    /// Rows in the store, those that were let go included.
    rows: i64,
    /// What was read from the file, which is not shortened before it is emptied.
    file_bytes: usize,
    most_file_bytes: usize,
}

struct Reader {
    pointer: i32,
    /// Rows taken out of the store, of which the first `next` were returned.
    slots: [*mut TupleTableSlot; BATCH_ROWS],
    made: usize,
    filled: usize,
    next: usize,
    taken: i64,
}

impl Reader {
    fn new(pointer: i32) -> Reader {
        Reader { pointer, slots: [null_mut(); BATCH_ROWS], made: 0, filled: 0, next: 0, taken: 0 }
    }

    unsafe fn clear(&mut self) {
        for &slot in &self.slots[..self.made] {
            // SAFETY: a slot that was made.
            unsafe { clear(slot) }
        }
        (self.filled, self.next, self.taken) = (0, 0, 0);
    }
}

impl Ahead {
    /// An empty queue, which lives as long as the query or until `end`.
    ///
    /// # Safety
    /// A node of the running query. Whoever is a reader reads.
    pub unsafe fn new(node: *mut PlanState, rows_enter_from_here: bool) -> Ahead {
        // SAFETY: made in the memory of the query.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo((*(*node).state).es_query_cxt);
            let store = pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem);
            // Nothing goes back, so that rows can be let go.
            pg_sys::tuplestore_set_eflags(store, 0);
            let second = match rows_enter_from_here {
                true => pg_sys::tuplestore_alloc_read_pointer(store, 0),
                false => 0,
            };
            let readers = [Reader::new(0), Reader::new(second)];
            pg_sys::MemoryContextSwitchTo(before);
            Ahead { store, readers, rows: 0, file_bytes: 0, most_file_bytes: 0 }
        }
    }

    /// Adds a row.
    ///
    /// # Safety
    /// A row of the node's input.
    #[inline]
    pub unsafe fn put(&mut self, row: *mut TupleTableSlot) {
        // SAFETY: the store copies the row.
        unsafe { tuplestore_puttupleslot(self.store, row) }
        self.rows += 1;
    }

    /// The next row of a reader, until its next one or the end of the partition.
    ///
    /// # Safety
    /// It was put in; the node is running.
    #[inline]
    pub unsafe fn take(&mut self, turn: Turn, node: *mut PlanState) -> *mut TupleTableSlot {
        let reader = &mut self.readers[turn as usize];
        if reader.next == reader.filled {
            // SAFETY: the caller's.
            unsafe { self.fill(turn, node) }
        }
        let reader = &mut self.readers[turn as usize];
        reader.next += 1;
        reader.slots[reader.next - 1]
    }

    unsafe fn fill(&mut self, turn: Turn, node: *mut PlanState) {
        // SAFETY: no more rows are read than there are; a slot is cleared before it gets another row.
        unsafe {
            let reader = &mut self.readers[turn as usize];
            tuplestore_select_read_pointer(self.store, reader.pointer);
            (reader.filled, reader.next) = (0, 0);
            let in_memory = pg_sys::tuplestore_in_memory(self.store);
            let mut bytes = 0;
            while reader.filled < BATCH_ROWS && reader.taken < self.rows && bytes < BATCH_BYTES {
                if reader.filled == reader.made {
                    reader.slots[reader.made] = slot(node);
                    reader.made += 1;
                }
                let slot = reader.slots[reader.filled];
                tuplestore_gettupleslot(self.store, true, false, slot);
                reader.filled += 1;
                reader.taken += 1;
                if in_memory {
                    tuplestore_trim(self.store);
                    return;
                }
                bytes += (*(*slot.cast::<MinimalTupleTableSlot>()).mintuple).t_len as usize;
            }
            if matches!(turn, Turn::Current) {
                self.file_bytes += bytes;
            }
        }
    }

    /// Empties the queue, and its file.
    ///
    /// # Safety
    /// Nobody uses the rows that it returned.
    pub unsafe fn clear(&mut self) {
        if self.rows == 0 {
            return;
        }
        // SAFETY: no slot refers to a row in the store any more.
        unsafe {
            self.readers.iter_mut().for_each(|reader| reader.clear());
            tuplestore_clear(self.store);
        }
        self.rows = 0;
        self.most_file_bytes = self.file_bytes();
        self.file_bytes = 0;
    }

    /// The most that the file has held, as far as it was read.
    pub fn file_bytes(&self) -> usize {
        self.most_file_bytes.max(self.file_bytes)
    }

    /// Frees what the queue holds.
    ///
    /// # Safety
    /// As for `clear`; it is not used again.
    pub unsafe fn end(&mut self) {
        // SAFETY: as above.
        unsafe {
            for reader in &self.readers {
                reader.slots[..reader.made]
                    .iter()
                    .for_each(|&slot| pg_sys::ExecDropSingleTupleTableSlot(slot));
            }
            pg_sys::tuplestore_end(self.store);
        }
    }
}

/// A slot for rows as they are in a store.
unsafe fn slot(node: *mut PlanState) -> *mut TupleTableSlot {
    // SAFETY: made in the memory of the query, which outlives the queue.
    unsafe {
        let before = pg_sys::MemoryContextSwitchTo((*(*node).state).es_query_cxt);
        let row_type = pg_sys::ExecGetResultType((*node).lefttree);
        let slot = pg_sys::MakeSingleTupleTableSlot(row_type, &raw const pg_sys::TTSOpsMinimalTuple);
        pg_sys::MemoryContextSwitchTo(before);
        slot
    }
}
