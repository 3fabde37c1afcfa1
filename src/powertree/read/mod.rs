//! The way out of an answer: what is asked for, which nodes may be trusted, what the log adds to them, and what the base
//! table must say itself.

mod access;
mod bucket;
mod overlay;
mod queries;
mod reader;
mod request;
