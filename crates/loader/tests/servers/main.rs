//! The program against real servers. One binary, since each has to be linked; a test that needs a server is ignored
//! unless it is asked for, and finds it in the environment.

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
mod objects;
mod observe;
mod parquet;
mod partitions;
mod positions;
mod shared_load;
mod upsert;
mod values;
