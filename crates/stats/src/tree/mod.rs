//! The power tree: tallies of leaves, and a tree of nodes above them, each covering ten children.
//!
//! Positions are integers. Leaf `i` holds the positions from `i * width` to the next leaf; node `i` of a level
//! holds the nodes `10 i ..= 10 i + 9` of the level below. A [`Block`] is a node with what its ten children add up to,
//! which is all that is stored; the level of a block is that of the node, so blocks of level 1 hold leaves.

mod block;
mod cells;
mod chosen;
mod contents;
mod descent;
mod geometry;
mod pack;

pub use block::Block;
pub use cells::{breakpoints, cells, merge, Limit};
pub use chosen::Chosen;
pub use contents::{Contents, Extent};
pub use descent::{last, Cut};
pub use geometry::{cover, height_for, least_multiple, Leaves, Run, FANOUT};
pub use pack::{pack, unpack};
