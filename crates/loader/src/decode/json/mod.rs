//! JSON messages: walked without building a tree, straight into the rows of the tables that their routes lead to.

mod evidence;
mod infer;
mod node;
mod plan;
mod routes;
#[cfg(test)]
mod trial;
mod walk;

pub use infer::{fields_of, infer, Fields};
pub use node::{Node, Visitor};
pub use routes::Routes;
pub use walk::{escapes_nul, for_each_element};
