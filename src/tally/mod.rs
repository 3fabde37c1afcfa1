//! The SQL type `tally`; `sql/` has the declarations that name these functions.

mod accessors;
mod hint;
mod io;
mod operators;
mod student;
mod transition;
mod window;

pub use hint::install as add_hints;
