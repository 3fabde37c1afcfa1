//! The type `detector`: the state of a series, its aggregates and window functions, and its reports.

mod aggregate;
mod changes;
mod datum;
mod io;
mod readings;
mod report;
