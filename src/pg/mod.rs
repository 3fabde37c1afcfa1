//! PostgreSQL's interfaces as all features use them: the ground floor, which knows none of the features.

pub mod catalog;
pub mod column;
pub mod composite;
pub mod custom;
pub mod error;
pub mod executor;
pub mod expression;
pub mod fence;
pub mod file;
pub mod function;
pub mod kept;
pub mod list;
pub mod memory;
pub mod moving;
pub mod name;
pub mod plain;
pub mod relation;
mod reserve;
pub mod rows;
pub mod session;
pub mod spi;
pub mod statement;
pub mod subtransaction;
pub mod table;
pub mod transaction;
pub mod value;
pub mod wire;
