//! The way out of an answer: what is asked for, which nodes may be trusted, what the log adds to them, and what the base
//! table must say itself.

pub mod argument;
mod bucket;
pub mod overlay;
pub mod queries;
mod reader;
