//! The extension `pg_tally`: what must know PostgreSQL. The mathematics is in `tally_stats`, the SQL in `sql/`.
//!
//! On the ground floor are [`pg`], what all features need of PostgreSQL, and [`settings`]. [`datum`] has the values
//! that features share. Above it stand the features, none of which knows another: [`tally`], the type and its
//! aggregates; [`detector`], which watches series; [`powertree`], which answers for ranges of a table; and [`rewrite`],
//! which makes window functions fast.

mod datum;
mod detector;
mod pg;
mod powertree;
mod rewrite;
mod settings;
mod tally;

pgrx::pg_module_magic!(name, version);

/// Called by PostgreSQL when it loads the library.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::memory::heap::watch();
    pg::server::error::omit_backtraces();
    settings::register(pg::server::session::is_preloading());
    tally::add_hints();
    rewrite::install();
    powertree::watch();
    powertree::register_workers();
}
