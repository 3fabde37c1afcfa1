//! The extension `pg_tally`: what must know PostgreSQL. The mathematics is in `tally_stats`, the SQL in `sql/`.

mod error;
mod tally;

pgrx::pg_module_magic!(name, version);
