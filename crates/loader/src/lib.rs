//! The loader: Kafka topics and files into PostgreSQL, exactly once. The program `tally` is [`Cli`].

// Some of what files and topics share is used by files alone.
#![cfg_attr(not(feature = "files"), allow(dead_code, unused_imports))]

#[cfg(feature = "archive")]
mod archive;
mod check;
mod cli;
#[cfg(feature = "events")]
mod events;
mod exit;
#[cfg(feature = "files")]
mod files;
mod job;
mod kafka;
mod load;
mod market;
#[cfg(feature = "files")]
mod messages;
mod observe;
mod pg;
mod plan;
mod status;
mod store;

pub use cli::Cli;
