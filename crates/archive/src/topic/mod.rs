//! The archive of topics: each message as a line of JSON, in objects by the hour of its timestamp.
//!
//! A chunk, a range of offsets of a partition, is the unit of work: its objects are planned in the ledger, written, read
//! back, and then counted, in the transaction that moves the partition's position behind it. An object is named after
//! the first offset of its chunk, and a planned chunk keeps its range until it is done, so that a run that is repeated
//! writes the same objects.

mod chunk;
mod ledger;
mod look;
mod run;
mod source;
mod step;

pub use look::{status, verify};
pub use run::{run, TopicsArgs};
pub use source::{MessageSource, SourcePartition};
