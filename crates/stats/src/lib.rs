//! The mathematics of pg_tally.
