//! What programs beside PostgreSQL share: connections to it, what its errors mean, and the forms that its values have.
//!
//! Nothing here knows what a program does with PostgreSQL.

mod connection;
mod failure;
pub mod pgtype;
mod server_error;
mod suggestion;

pub use connection::Connector;
pub use failure::{ErrorKind, Failure};
pub use server_error::{error_kind, explain, refused_line};
pub use suggestion::suggestion;
