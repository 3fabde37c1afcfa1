//! Functions of ours as PostgreSQL calls them.

pub mod call;
pub mod composite;
pub mod moving;
pub mod rows;
pub mod trigger;
pub mod worker;
