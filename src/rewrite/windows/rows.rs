//! The rows of the node's input, partition by partition, and what frames depend on.

use super::argument::Argument;
use super::definition::FrameDefinition;
use super::input::Input;
use super::order::Order;
use super::statistic::Statistic;
use super::values;
use crate::pg::copies::Copies;
use crate::pg::error::raise;
use crate::pg::executor::{in_memory_of, next_row, reset};
use crate::pg::memory;
use crate::pg::plain::{guarded, plain};
use crate::pg::queue::{Ahead, Turn};
use crate::pg::tree::NodeRef;
use crate::settings;
use pgrx::pg_sys::{ExprContext, TupleTableSlot, WindowFunc};
use pgrx::PgSqlErrorCode;
use std::ptr::null_mut;

/// The number of rows between two measurements of the memory in use.
const MEASURE: i64 = 1024;

/// The rows of one partition, as far as they have been read.
pub struct Rows {
    input: Input,
    copies: Copies,
    arguments: Vec<Argument>,
    order: Order,
    /// Rows that are read ahead, where frames look ahead.
    ahead: Option<Ahead>,
    /// The row that was read last.
    last: *mut TupleTableSlot,
    /// Whether that row is the first of the next partition.
    last_is_next: bool,
    count: i64,
    /// The rows before this one have entered the frame, or never will.
    entered: i64,
    is_complete: bool,
    is_exhausted: bool,
    most_memory: usize,
    most_file_bytes: usize,
}

impl Rows {
    /// The input before the first row.
    pub fn new(input: Input, copies: Copies) -> Rows {
        Rows {
            order: Order::new(&input, copies),
            input,
            copies,
            arguments: Vec::new(),
            ahead: None,
            last: null_mut(),
            last_is_next: false,
            count: 0,
            entered: 0,
            is_complete: false,
            is_exhausted: false,
            most_memory: 0,
            most_file_bytes: 0,
        }
    }

    /// Returns the number of a window function's argument; equal arguments share their values.
    ///
    /// # Safety
    /// The node computes this function and is being initialised; the contract of `pg::plain`.
    pub unsafe fn argument(&mut self, function: NodeRef<'static, WindowFunc>, statistic: Statistic) -> usize {
        // SAFETY: the arguments of the caller's function refer to the node's input.
        unsafe {
            let (kind, known) = guarded(|| {
                let argument = function.list(|function| &function.args).iter().next();
                let kind = argument.and_then(|argument| values::kind(statistic, argument.type_oid()));
                // Any kind of values can be counted.
                (kind, self.arguments.iter_mut().position(|known| known.serves(function, kind)))
            });
            if let Some(known) = known {
                return known;
            }
            let expressions = Argument::expressions(self.input.node, function);
            guarded(|| {
                self.arguments.push(Argument::new(function, expressions, kind, self.copies));
                self.arguments.len() - 1
            })
        }
    }

    pub fn arguments(&mut self) -> &mut [Argument] {
        &mut self.arguments
    }

    /// The number of rows read of this partition.
    pub fn count(&self) -> i64 {
        self.count
    }

    /// Whether this was the last partition.
    pub fn are_exhausted(&self) -> bool {
        self.is_exhausted
    }

    pub fn context(&self) -> *mut ExprContext {
        self.input.context
    }

    pub fn definition(&self) -> &FrameDefinition {
        &self.input.definition
    }

    /// Prepares for the first row when the query begins to run: where frames look ahead, a queue keeps the rows that
    /// are read ahead.
    ///
    /// # Safety
    /// The node is running; the contract of `pg::plain`.
    pub unsafe fn begin_query(&mut self, looks_ahead: bool) {
        if self.input.delayed || looks_ahead {
            // SAFETY: the store lives as long as the query, or until the node is rescanned.
            self.ahead = Some(plain(unsafe { Ahead::new(self.input.node, self.input.delayed) }));
        }
    }

    /// Reads the next row; false if the partition has no more.
    ///
    /// # Safety
    /// The node is running; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn read(&mut self) -> bool {
        // SAFETY: slots and contexts belong to the node.
        unsafe {
            if self.is_complete {
                return false;
            }
            // The last row must enter before its slot is used for the next one.
            if !self.input.delayed && self.entered < self.count {
                self.enter(self.last);
            }
            if !self.fetch() {
                self.is_complete = true;
                return false;
            }
            self.order.note(self.last, self.count, self.input.context);
            if let Some(ahead) = &mut self.ahead {
                ahead.put(self.last);
            }
            self.count += 1;
            if self.count % MEASURE == 0 {
                guarded(|| self.measure());
            }
            true
        }
    }

    /// Adds to the frame the rows from `head` up to but not including `tail`; earlier rows will never enter.
    ///
    /// # Safety
    /// The rows have been read; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn enter_all(&mut self, head: i64, tail: i64) {
        // SAFETY: the caller has read the rows; without a delay only the last row has not entered.
        unsafe {
            while self.entered < tail {
                let row = match &mut self.ahead {
                    Some(ahead) if self.input.delayed => ahead.take_row(Turn::Entering, self.input.node),
                    _ => self.last,
                };
                if self.entered < head {
                    self.entered += 1;
                } else {
                    self.enter(row);
                }
            }
        }
    }

    /// Adds the next row to the frame. All its arguments are evaluated before any is kept.
    ///
    /// # Safety
    /// The row comes from the input; the contract of `pg::plain`.
    #[inline]
    unsafe fn enter(&mut self, row: *mut TupleTableSlot) {
        let context = self.input.context;
        // SAFETY: the caller's row is evaluated in the node's context, where the values live until the next row.
        unsafe {
            reset(context);
            (*context).ecxt_outertuple = row;
            for argument in &mut self.arguments {
                argument.evaluate(context);
            }
            in_memory_of(context, || {
                guarded(|| {
                    memory::check();
                    self.arguments.iter_mut().for_each(|argument| argument.enter());
                });
            });
        }
        self.entered += 1;
    }

    /// Takes this many of the oldest rows out of the frame.
    #[inline]
    pub fn leave(&mut self, rows: i64) {
        self.arguments.iter_mut().for_each(|argument| argument.leave(rows));
    }

    /// The number of rows of this partition that have entered the frame.
    pub fn entered(&self) -> i64 {
        self.entered
    }

    /// Measures the memory in use; raises an error if it exceeds the limit.
    #[cold]
    fn measure(&mut self) {
        let arguments: usize = self.arguments.iter().map(Argument::memory).sum();
        let memory = arguments + self.order.memory() + self.copies.memory();
        self.most_memory = self.most_memory.max(memory);
        let limit = settings::window_mem();
        if memory > limit << 10 {
            raise(
                PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
                format!("window frame exceeds the memory limit of {limit} kB"),
                "",
                "Raise pg_tally.window_mem, narrow the frame, or turn pg_tally.accelerate_windows off.",
            );
        }
    }

    /// The most memory and the largest file that the rows have taken, in bytes.
    pub fn extent(&mut self) -> (usize, usize) {
        self.measure();
        (self.most_memory, self.most_file_bytes.max(self.ahead.as_ref().map_or(0, Ahead::file_bytes)))
    }

    /// Fetches the next row of this partition.
    #[inline]
    unsafe fn fetch(&mut self) -> bool {
        // SAFETY: slots and contexts belong to the node, which is running.
        unsafe {
            if self.last_is_next {
                self.last_is_next = false;
            } else {
                let Some(row) = next_row(self.input.rows) else {
                    self.is_exhausted = true;
                    return false;
                };
                self.last = row;
                reset(self.input.context);
            }
            if let Some(partition) = &self.input.partition {
                if self.count == 0 {
                    partition.begin_group(self.last);
                } else if !partition.include(self.last, self.input.context) {
                    self.last_is_next = true;
                    return false;
                }
            }
            true
        }
    }

    /// Reads until this many rows are known, or the partition ends. Returns how many are known, at most this many.
    ///
    /// # Safety
    /// The node is running; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn read_to(&mut self, count: i64) -> i64 {
        // SAFETY: the caller promises a node that runs.
        while self.count < count && unsafe { self.read() } {}
        self.count.min(count)
    }

    /// The first row of a peer group, or the end of the partition.
    ///
    /// # Safety
    /// The node is running; the contract of `pg::plain`.
    pub unsafe fn start_of(&mut self, group: i64) -> i64 {
        loop {
            if let Some(start) = self.order.start_of(group) {
                return start;
            }
            // SAFETY: the caller promises a node that runs.
            if !unsafe { self.read() } {
                return self.count;
            }
        }
    }

    /// Returns the order of the rows that have been read.
    pub fn order(&mut self) -> &mut Order {
        &mut self.order
    }

    /// Returns the current row. Each call returns the next one.
    ///
    /// # Safety
    /// The row has been read; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn take_current_row(&mut self) -> *mut TupleTableSlot {
        match &mut self.ahead {
            // SAFETY: a row is put in when it is read.
            Some(ahead) => unsafe { ahead.take_row(Turn::Current, self.input.node) },
            None => self.last,
        }
    }

    /// Begins the next partition.
    ///
    /// # Safety
    /// Nobody uses the row that `take_current_row` returned; the contract of `pg::plain`.
    pub unsafe fn next_partition(&mut self) {
        if let Some(ahead) = &mut self.ahead {
            // SAFETY: the caller promises that nobody uses the rows.
            unsafe { ahead.clear() }
        }
        // SAFETY: the caller's frames are plain; nothing in the guard calls the executor.
        unsafe {
            guarded(|| {
                self.arguments.iter_mut().for_each(Argument::clear);
                self.order.clear();
            });
        }
        (self.count, self.entered) = (0, 0);
        self.is_complete = false;
    }

    /// Forgets everything that was read.
    ///
    /// # Safety
    /// The node is to be read from its beginning, or not at all; the contract of `pg::plain`.
    pub unsafe fn restart(&mut self) {
        // SAFETY: the caller promises that the rows of the partition are no longer used.
        unsafe { self.next_partition() };
        self.is_exhausted = false;
        self.last_is_next = false;
        if let Some(mut ahead) = self.ahead.take() {
            self.most_file_bytes = self.most_file_bytes.max(ahead.file_bytes());
            // SAFETY: the queue was taken out, so nothing reads its rows any more.
            unsafe { ahead.end_queue() }
        }
    }
}
