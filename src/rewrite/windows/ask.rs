//! Requests of the motion of a frame to the node's input, and their outcomes.
//!
//! The motion knows no slots, expressions and contexts of the executor: it asks for the next thing to be done, is left
//! while that is done, and gets the outcome. No frame of it is in the way of an error of the executor.

use crate::pg::values::value::{StoredValue, Value};
use pgrx::pg_sys::Datum;

/// The thing to be done next. No more than a number, since it is handed through the guard of [`crate::pg::server::plain`] for every row.
#[derive(Clone, Copy, PartialEq)]
pub enum Ask {
    /// Go on at once.
    Nothing,
    /// Evaluate the offsets of the frame.
    Offsets,
    /// Keep rows in a queue from now on, from which the current row comes.
    Queue,
    /// Read the next row.
    Read,
    /// Read the next row, and evaluate the arguments on it.
    ReadToEnter,
    /// Evaluate the arguments on the last row, which enters, and read the next one.
    EnterAndRead,
    /// Evaluate the arguments on the row that enters next.
    Enter,
    /// Pass over the row that would enter next.
    Skip,
    /// Compare values of the ordering column with the current row's.
    Compare,
    /// Forget the rows of the partition.
    NextPartition,
    /// Return the current row, with the results.
    Return,
    /// Return that there are no more rows.
    End,
}

/// The outcome of what was asked.
#[derive(Clone, Copy)]
pub enum Outcome<'a> {
    Done,
    /// The values of both offsets; None for NULL and where there is none.
    Offsets([Option<Datum>; 2]),
    /// A row of the partition, and its value of the ordering column where the frame depends on that.
    /// The arguments are evaluated, on this row or the one before, if that was asked for.
    Row {
        starts_group: bool,
        key: Option<StoredValue<'a>>,
        arguments: Option<&'a [ArgumentValue]>,
    },
    /// The partition has no more rows, nor has the input if it was the last.
    Complete {
        is_last: bool,
        arguments: Option<&'a [ArgumentValue]>,
    },
    /// The values of all arguments.
    Entered(&'a [ArgumentValue]),
}

/// Two values of the ordering column that are compared, for an end of the frame.
pub struct KeyPair {
    pub side: Side,
    pub key: Datum,
    /// The current row's value.
    pub base: Datum,
}

/// An end of the frame, by which what there is of each is numbered.
#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    Start,
    End,
}

/// An argument on one row.
#[derive(Clone, Copy)]
pub struct ArgumentValue {
    /// Whether the row counts; its value follows.
    pub counts: bool,
    pub value: Option<Value>,
}
