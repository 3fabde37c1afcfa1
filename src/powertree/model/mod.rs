//! The model of a tree in a session: its columns, positions and keys, and who may query it.

pub mod argument;
pub mod key;
pub mod lock;
pub mod position;
pub mod question;
pub mod rights;
pub mod steps;
pub mod tree;
pub mod value;
