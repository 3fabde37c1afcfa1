//! The loader: Kafka topics and files into PostgreSQL, exactly once. The program `tally` is [`Cli`].

mod check;
mod cli;
mod exit;
mod files;
mod job;
mod kafka;
mod load;
mod market;
mod observe;
mod pg;
mod plan;
mod status;
mod store;

pub use cli::Cli;
