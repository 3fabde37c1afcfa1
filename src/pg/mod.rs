//! What every feature needs of PostgreSQL.

pub mod memory;
mod reserve;
