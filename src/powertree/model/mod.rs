//! What a session knows of trees: their columns, positions and keys, who may ask them, and what is being written.

pub mod argument;
pub mod key;
pub mod lock;
pub mod position;
pub mod question;
pub mod rights;
pub mod tree;
pub mod value;
pub mod writing;
