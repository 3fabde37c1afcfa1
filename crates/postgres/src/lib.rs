//! Code that client programs of PostgreSQL share: connections, the meaning of errors, and the wire forms of values.
//!
//! Nothing here knows what a program does with PostgreSQL.

mod connection;
mod failure;
mod identifier;
pub mod own_tables;
pub mod partitions;
pub mod pgtype;
mod server_error;
mod suggestion;

pub use connection::Connector;
pub use failure::{ErrorKind, Failure};
pub use identifier::quoted;
pub use server_error::{error_kind, explain, refused_line};
pub use suggestion::suggestion;
