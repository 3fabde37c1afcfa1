//! Rows: what is configured of topics and tables, and how messages become rows of binary COPY.

pub mod config;
pub mod decode;
pub mod definition;
pub mod raw;
pub mod refusal;
pub mod registry;
