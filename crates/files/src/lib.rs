//! Formats of files: what a file is, which parts and columns it has, and its rows as binary COPY.
//!
//! A [`format::FileFormat`] opens a file as a [`format::Input`]; `input` has the bytes of files, wherever they are kept,
//! and `infer` finds types for the columns of those that declare none.

pub mod batch;
pub mod csv;
pub mod dead_letter;
mod field;
pub mod format;
pub mod infer;
pub mod input;
pub mod limits;
pub mod named;
pub mod ndjson;
pub mod parquet;
pub mod part;
mod text;
