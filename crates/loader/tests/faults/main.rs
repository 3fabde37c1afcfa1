//! The failure matrix: each way in which something breaks, on a real Kafka and a real PostgreSQL, and each ends with
//! the check that every message is stored exactly once and in order.
//!
//! `scripts/test.py faults` runs the quick ones, `make faults` all; those in modules called `long` are not quick.
//! They share their servers and break them, and so run one after the other.

mod archive;
mod avro;
mod broker;
mod network;
mod poison;
mod postgres_away;
mod process;
mod refusals;
mod schema;
mod stop;
mod time;
mod topic;
mod width;
mod zombie;
