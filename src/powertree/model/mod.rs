//! What a session knows of trees: their columns, positions and keys, who may ask them, and what is being written.

pub mod key;
pub mod position;
pub mod rights;
pub mod tree;
pub mod value;
pub mod writing;
