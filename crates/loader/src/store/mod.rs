//! Stores batches in PostgreSQL, each exactly once, from Kafka and from files alike.
//!
//! A [`writer::Writer`] tries to store a batch in one transaction until it is committed or cannot be. A
//! [`ledger::Ledger`] knows where the batch comes from, and keeps the position of its source. Below them rows go to
//! their table (`destination`, by a `staging_table` if the server has to merge or cast them), refused rows are found
//! (`refusals`, `one_by_one`), `partitions` are made, and a database that is slow or away is waited for (`lock_watch`, `backoff`).

pub mod backoff;
pub mod destination;
pub mod ledger;
pub mod lock_watch;
mod one_by_one;
pub mod partitions;
pub mod refusals;
mod staging_table;
pub mod statements;
pub mod writer;
