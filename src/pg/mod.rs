//! What of PostgreSQL is shared by all features.

pub mod fence;
