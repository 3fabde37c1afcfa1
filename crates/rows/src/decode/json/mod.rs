//! Decoding of JSON messages without building a tree, straight into the rows of the tables that their routes lead to.

mod evidence;
mod infer;
mod plan;
mod routes;
#[cfg(test)]
mod trial;

pub use evidence::{unit_of, FieldEvidence};
pub use infer::{fields_of, infer, KnownFields};
pub use routes::Routes;
