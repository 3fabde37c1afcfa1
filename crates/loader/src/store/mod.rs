//! Storing batches in PostgreSQL, each exactly once: Kafka's and those of files alike.
//!
//! A [`writer::Writer`] tries a batch in one transaction until it is committed or cannot be. Where a batch comes from, and where
//! its position stands, a [`ledger::Ledger`] knows. What is shared below: the way of rows into their table
//! (`destination`, over a `staging_table` where the server has to merge or cast them), rows that the server refuses
//! (`refusals`, `one_by_one`), and waiting (`backoff`, `lock_watch`).

pub mod backoff;
pub mod dead_letter;
pub mod destination;
pub mod ledger;
pub mod lock_watch;
mod one_by_one;
pub mod refusals;
mod staging_table;
pub mod statements;
pub mod writer;
