//! The rows of the node's input, partition by partition, as far as they have been read.

use super::argument::Argument;
use super::ask::{ArgumentValue, Ask};
use super::definition::FrameDefinition;
use super::order::Order;
use super::statistic::Statistic;
use super::values;
use crate::pg::execution::copies::Copies;
use crate::pg::memory::heap;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::error::raise;
use crate::pg::tables::column::passing_of;
use crate::pg::values::value::StoredValue;
use crate::settings;
use pgrx::pg_sys::WindowFunc;
use pgrx::PgSqlErrorCode;

/// The number of rows between two measurements of the memory in use.
const MEASURE: i64 = 1024;

/// The rows of one partition.
pub struct Rows {
    copies: Copies,
    arguments: Vec<Argument>,
    order: Order,
    /// Whether rows may enter the frame later than they are read.
    delayed: bool,
    /// Whether they enter as soon as they are read.
    at_once: bool,
    /// Whether the values of all arguments are passed by value.
    is_by_value: bool,
    count: i64,
    /// The rows before this one have entered the frame, or never will.
    entered: i64,
    is_complete: bool,
    is_exhausted: bool,
    most_memory: usize,
}

impl Rows {
    /// The rows before the first.
    pub fn new(definition: &FrameDefinition, copies: Copies) -> Rows {
        Rows {
            order: Order::new(definition, copies),
            copies,
            arguments: Vec::new(),
            delayed: definition.is_delayed(),
            at_once: false,
            is_by_value: true,
            count: 0,
            entered: 0,
            is_complete: false,
            is_exhausted: false,
            most_memory: 0,
        }
    }

    /// Returns the number of a window function's argument; equal arguments share their values.
    pub fn argument(&mut self, function: NodeRef<'static, WindowFunc>, statistic: Statistic) -> usize {
        let argument = function.list(|function| &function.args).iter().next();
        let kind = argument.and_then(|argument| values::kind(statistic, argument.type_oid()));
        // Any kind of values can be counted.
        if let Some(known) = self.arguments.iter_mut().position(|known| known.serves(function, kind)) {
            return known;
        }
        self.is_by_value &= argument.is_none_or(|argument| passing_of(argument.type_oid()).1);
        self.arguments.push(Argument::new(function, kind, self.copies));
        self.arguments.len() - 1
    }

    #[inline]
    pub fn arguments(&mut self) -> &mut [Argument] {
        &mut self.arguments
    }

    /// The number of rows read of this partition.
    #[inline]
    pub fn count(&self) -> i64 {
        self.count
    }

    /// Whether all rows of this partition have been read.
    #[inline]
    pub fn are_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether this was the last partition.
    #[inline]
    pub fn are_exhausted(&self) -> bool {
        self.is_exhausted
    }

    /// Whether rows may enter the frame later than they are read.
    pub fn are_delayed(&self) -> bool {
        self.delayed
    }

    /// Asks for the next row.
    #[inline]
    pub fn more(&self) -> Ask {
        match self.delayed {
            false if self.at_once => Ask::ReadToEnter,
            // The last row must enter before its slot is used for the next one.
            // What is passed by reference must have been copied by then.
            false if self.entered < self.count && !self.is_by_value => Ask::Enter,
            false if self.entered < self.count => Ask::EnterAndRead,
            _ => Ask::Read,
        }
    }

    /// Has rows enter as soon as they are read, unless there may be a delay.
    pub fn enter_at_once(&mut self) {
        self.at_once = !self.delayed;
    }

    /// Takes in the next row; it enters the frame, or the one before, if the arguments are evaluated.
    #[inline]
    pub fn add(
        &mut self,
        starts_group: bool,
        key: Option<&StoredValue>,
        arguments: Option<&[ArgumentValue]>,
    ) {
        self.order.note(self.count, starts_group, key);
        self.count += 1;
        if let Some(arguments) = arguments {
            self.enter(arguments);
        }
        if self.count % MEASURE == 0 {
            self.measure();
        }
    }

    /// Takes in that the partition has no more rows, nor has the input if it is the last.
    pub fn complete(&mut self, is_last: bool, arguments: Option<&[ArgumentValue]>) {
        if let Some(arguments) = arguments {
            self.enter(arguments);
        }
        self.is_complete = true;
        self.is_exhausted = is_last;
    }

    /// Asks for the row that enters next to be evaluated; to be passed over if it is before `head`.
    #[inline]
    pub fn next_to_enter(&self, head: i64) -> Ask {
        if self.entered < head {
            Ask::Skip
        } else {
            Ask::Enter
        }
    }

    /// Adds the next row to the frame.
    #[inline]
    pub fn enter(&mut self, row: &[ArgumentValue]) {
        heap::check();
        self.arguments.iter_mut().zip(row).for_each(|(argument, evaluated)| argument.enter(evaluated));
        self.entered += 1;
    }

    /// Passes over the row that would enter next.
    pub fn skip(&mut self) {
        self.entered += 1;
    }

    /// Takes this many of the oldest rows out of the frame.
    #[inline]
    pub fn leave(&mut self, rows: i64) {
        self.arguments.iter_mut().for_each(|argument| argument.leave(rows));
    }

    /// The number of rows of this partition that have entered the frame, or never will.
    #[inline]
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

    /// The most memory that the rows have taken, in bytes.
    pub fn most_memory(&mut self) -> usize {
        self.measure();
        self.most_memory
    }

    /// The number of rows that are known, at most this many; asks for more if the partition may have them.
    #[inline]
    pub fn read_to(&mut self, count: i64) -> Result<i64, Ask> {
        if self.count < count && !self.is_complete {
            return Err(self.more());
        }
        Ok(self.count.min(count))
    }

    /// Whether the partition ends before this row, which follows one that is known.
    #[inline]
    pub fn end_before(&mut self, row: i64) -> Result<bool, Ask> {
        Ok(self.read_to(row + 1)? <= row)
    }

    /// The first row of a peer group, or the end of the partition.
    pub fn start_of(&mut self, group: i64) -> Result<i64, Ask> {
        match self.order.start_of(group) {
            Some(start) => Ok(start),
            None => self.read_to(i64::MAX),
        }
    }

    /// The order of the rows that have been read.
    #[inline]
    pub fn order(&mut self) -> &mut Order {
        &mut self.order
    }

    /// The order of the rows that have been read.
    #[inline]
    pub fn known_order(&self) -> &Order {
        &self.order
    }

    /// Begins the next partition.
    pub fn next_partition(&mut self) {
        self.arguments.iter_mut().for_each(Argument::clear);
        self.order.clear();
        (self.count, self.entered) = (0, 0);
        self.is_complete = false;
    }

    /// Forgets everything that was read.
    pub fn restart(&mut self) {
        self.next_partition();
        self.is_exhausted = false;
    }
}
