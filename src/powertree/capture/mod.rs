//! The way of a row into the tree: a trigger fires, finds the columns of the tree in the rows of the statement, adds
//! them up by leaf, and appends the sums to the log.

mod changes;
pub mod cut_short;
mod firing;
mod layout;
mod trigger;
