//! What a session knows of trees: their columns, positions and keys, and who may ask them.

pub mod argument;
pub mod key;
pub mod lock;
pub mod position;
pub mod question;
pub mod rights;
pub mod tree;
pub mod value;
