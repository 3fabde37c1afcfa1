//! The extension `pg_tally`: what must know PostgreSQL. The mathematics is in `tally_stats`, the SQL in `sql/`.

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
    pg::memory::watch();
    pg::error::omit_backtraces();
    settings::register();
    tally::add_hints();
    rewrite::install();
    powertree::watch();
    powertree::register_workers();
}
