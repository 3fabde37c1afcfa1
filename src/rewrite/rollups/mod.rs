//! Grouped queries of a table, answered from its power tree.
#![allow(dead_code, unused_imports)]

mod results;
