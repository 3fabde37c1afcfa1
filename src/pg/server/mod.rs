//! The ground of everything in a server: errors, safe declarations of functions, the state of the session, transactions, rights and names.

pub mod callback;
pub mod costs;
pub(super) mod ctext;
pub mod error;
pub mod function;
pub mod hook;
pub mod kept;
pub mod lookup;
pub mod name;
pub mod operator;
pub(super) mod passing;
pub mod plain;
pub mod process;
pub(super) mod reserve;
pub mod right;
pub mod session;
pub(super) mod setting;
pub mod subtransaction;
pub mod transaction;
pub mod wire;
pub mod zone;
