//! Tables and the catalogs that describe them: read, written, and asked by SQL.

pub mod catalog;
pub mod column;
pub mod fence;
pub(super) mod open_relation;
pub mod passing_over;
pub mod range;
pub mod relation;
pub mod slot;
pub mod spi;
pub mod statement;
pub mod table;
pub mod transition;
pub(super) mod tuplestore;
