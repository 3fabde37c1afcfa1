//! Trees of nodes, as the parser and the planner make them: read, made and changed.

pub(super) mod constant;
pub mod list;
pub mod made;
pub(super) mod node_kind;
pub mod planned;
pub mod relids;
pub mod replacing;
pub mod tree;
