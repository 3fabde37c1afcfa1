//! The type `detector`: a series' state, its aggregates and window functions, what it reports.

mod aggregate;
mod changes;
mod datum;
mod io;
mod readings;
mod report;
