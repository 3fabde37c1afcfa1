//! The way out of an answer: the arguments, the nodes that the snapshot may use, the log on top of them, and the rows of the
//! base table where neither is enough.

mod access;
mod asked;
mod below;
mod bucket;
mod calendar;
pub mod cells;
mod density;
mod division;
mod leaves;
mod left;
mod logged;
mod overlay;
mod queries;
mod reader;
mod refused;
mod request;
mod roster;
mod seen;
mod size;
mod spots;
mod sweep;
mod way;
pub mod work;
mod zoom;
