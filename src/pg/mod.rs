//! What of PostgreSQL is shared by all features.

pub mod fence;
pub mod memory;
mod reserve;
pub mod session;
pub mod subtransaction;
pub mod transaction;
