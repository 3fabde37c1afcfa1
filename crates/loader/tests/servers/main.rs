//! The program against real servers. One binary, since each has to be linked; a test that needs a server is ignored
//! unless it is asked for, and finds it in the environment.

// Some of the stories that these tests tell are long.
#![allow(clippy::too_many_lines)]

mod avro;
mod backfill;
mod check;
mod dialects;
mod exactly_once;
mod feeds;
mod files;
mod hostile;
mod hostile_files;
mod lanes;
mod load;
mod mapping;
mod market;
mod ndjson;
mod newcomer;
#[cfg(feature = "object-storage")]
mod objects;
mod observe;
mod parquet;
mod partitions;
mod positions;
mod shared_load;
mod strangers;
mod topic_kinds;
mod topics;
mod upsert;
mod values;
