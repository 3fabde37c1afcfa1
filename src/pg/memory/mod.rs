//! Memory that PostgreSQL releases, and temporary files.

pub mod file;
pub mod heap;
pub mod region;
pub mod scratch;
