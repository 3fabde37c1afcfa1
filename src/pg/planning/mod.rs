//! The query that is being planned.

pub mod expression;
pub mod maker;
pub mod path;
pub mod placeholder;
pub(super) mod plan_node;
pub mod planner;
