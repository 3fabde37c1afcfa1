//! Queues of rows, kept as PostgreSQL's own nodes keep rows: in `work_mem`, and beyond that in a temporary file.

use super::executor::{clear, in_memory, ExecDropSingleTupleTableSlot};
use crate::pg::memory::region::Region;
use crate::pg::server::lookup::caught;
use crate::pg::tables::slot::Slot;
use crate::pg::tables::tuplestore::{
    size_of_row, tuplestore_alloc_read_pointer, tuplestore_begin_heap, tuplestore_clear, tuplestore_end,
    tuplestore_gettupleslot, tuplestore_in_memory, tuplestore_puttupleslot, tuplestore_select_read_pointer,
    tuplestore_set_eflags, tuplestore_trim, work_mem, MakeSingleTupleTableSlot, Store, TTSOpsMinimalTuple,
};
use crate::pg::values::row::RowType;
use pgrx::pg_sys::TupleTableSlot;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::Relaxed;

/// The most rows, and about the most bytes, that are read from the file at once: each switch between reading and
/// writing flushes the file.
const BATCH_ROWS: usize = 64;
const BATCH_BYTES: usize = 64 << 10;

/// The reader whose turn it is.
#[derive(Clone, Copy, PartialEq)]
pub enum Turn {
    First,
    Second,
}

/// A queue of a node's input rows, with one or two readers. Rows that all have read are dropped.
pub struct RowQueue {
    store: Store,
    first: QueueReader,
    second: QueueReader,
    /// The number of rows put into the store, including those that were dropped.
    rows: i64,
    /// The bytes read from the file, which only shrinks when it is emptied.
    file_bytes: usize,
    most_file_bytes: usize,
}

/// The rows that are kept: their type, and the memory of the query.
#[derive(Clone, Copy)]
pub struct KeptRows {
    pub row_type: RowType<'static>,
    pub query: Region,
}

struct QueueReader {
    store: Store,
    /// The reader's own read pointer of the store.
    pointer: i32,
    kept: KeptRows,
    /// The slots of a batch; None until they are first needed.
    slots: [Option<Slot<'static>>; BATCH_ROWS],
    /// The number of rows taken out of the store, of which the first `next` have been returned.
    filled: usize,
    next: usize,
    taken: i64,
}

impl QueueReader {
    fn new(store: Store, pointer: i32, kept: KeptRows) -> QueueReader {
        QueueReader { store, pointer, kept, slots: [None; BATCH_ROWS], filled: 0, next: 0, taken: 0 }
    }

    /// Takes the next rows out of the store: one if it is in memory, otherwise up to a batch. Returns how many bytes
    /// came from the file. Called by [`RowQueue::take_row`] alone, whose callers are plain frames.
    fn fill(&mut self, rows: i64) -> usize {
        let (store, KeptRows { row_type, query }) = (self.store, self.kept);
        (self.filled, self.next) = (0, 0);
        let mut bytes = 0;
        // SAFETY: the read pointer was allocated for the store, and the memory of the query outlives the queue. The slots are of the
        // kind that the store fills, and it says whether there was a row.
        unsafe {
            tuplestore_select_read_pointer(store, self.pointer);
            let is_in_memory = tuplestore_in_memory(store);
            for place in &mut self.slots {
                if self.taken >= rows || bytes >= BATCH_BYTES {
                    break;
                }
                let make = || MakeSingleTupleTableSlot(row_type, &TTSOpsMinimalTuple);
                let slot = *place.get_or_insert_with(|| in_memory(query.context(), make));
                if !tuplestore_gettupleslot(store, true, false, slot) {
                    break;
                }
                self.filled += 1;
                self.taken += 1;
                if is_in_memory {
                    tuplestore_trim(store);
                    return 0;
                }
                bytes += size_of_row(slot);
            }
        }
        bytes
    }

    /// The reader without rows, with the slots that it has.
    fn again(&self) -> QueueReader {
        QueueReader { slots: self.slots, ..QueueReader::new(self.store, self.pointer, self.kept) }
    }

    /// The slots made so far.
    fn made(&self) -> impl Iterator<Item = *mut TupleTableSlot> + '_ {
        self.slots.iter().map_while(|slot| slot.map(Slot::pointer))
    }
}

impl RowQueue {
    /// Makes an empty queue, which lives as long as the query or until it is ended.
    pub fn new(kept: KeptRows, has_second_reader: bool) -> RowQueue {
        let (store, second) = kept.query.within(|| {
            caught(|| {
                let store = tuplestore_begin_heap(false, false, work_mem.load(Relaxed));
                // Readers never go back, so that rows can be dropped.
                tuplestore_set_eflags(store, 0);
                (store, if has_second_reader { tuplestore_alloc_read_pointer(store, 0) } else { 0 })
            })
        });
        let [first, second] = [0, second].map(|pointer| QueueReader::new(store, pointer, kept));
        RowQueue { store, first, second, rows: 0, file_bytes: 0, most_file_bytes: 0 }
    }

    /// Adds a row.
    ///
    /// # Safety
    /// The row comes from the node's input; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn put(&mut self, row: Slot) {
        tuplestore_puttupleslot(self.store, row);
        self.rows += 1;
    }

    /// Returns the next row of a reader, valid until the reader's next row or until the queue is emptied.
    ///
    /// # Safety
    /// The row was put in, the queue was made for this reader, and the node is running; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn take_row(&mut self, turn: Turn) -> *mut TupleTableSlot {
        let reader = match turn {
            Turn::First => &mut self.first,
            Turn::Second => &mut self.second,
        };
        if reader.next == reader.filled {
            let bytes = reader.fill(self.rows);
            if turn == Turn::First {
                self.file_bytes += bytes;
            }
        }
        reader.next += 1;
        reader.slots.get(reader.next - 1).copied().flatten().map_or(null_mut(), Slot::pointer)
    }

    /// Empties the queue, and its file.
    ///
    /// # Safety
    /// Nobody uses the rows that the queue has returned; the contract of `pg::plain`.
    pub unsafe fn clear(&mut self) {
        if self.rows == 0 {
            return;
        }
        // SAFETY: no slot refers to a row in the store any more.
        unsafe {
            self.first.made().chain(self.second.made()).for_each(|slot| clear(slot));
            tuplestore_clear(self.store);
        }
        (self.first, self.second) = (self.first.again(), self.second.again());
        self.rows = 0;
        self.most_file_bytes = self.file_bytes();
        self.file_bytes = 0;
    }

    /// Returns the largest size of the file so far, as far as it has been read.
    pub fn file_bytes(&self) -> usize {
        self.most_file_bytes.max(self.file_bytes)
    }

    /// Frees what the queue holds; the rows that it has returned are valid no more.
    pub fn end(self) {
        // SAFETY: the slots and the store are the queue's alone, and it is not used again.
        caught(|| unsafe {
            self.first.made().for_each(|slot| ExecDropSingleTupleTableSlot(slot));
            self.second.made().for_each(|slot| ExecDropSingleTupleTableSlot(slot));
            tuplestore_end(self.store);
        });
    }
}
