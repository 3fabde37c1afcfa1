//! The configuration parameters, all named `pg_tally.…`.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

static ACCELERATE_WINDOWS: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Are built-in aggregates over moving frames to be replaced?
pub fn accelerate_windows() -> bool {
    ACCELERATE_WINDOWS.get()
}

/// Makes the parameters known to PostgreSQL.
pub fn register() {
    GucRegistry::define_bool_guc(
        c"pg_tally.accelerate_windows",
        c"Computes built-in aggregates over moving window frames in constant time per row.",
        c"Results are those of the built-in aggregates; floating-point ones are more exact.",
        &ACCELERATE_WINDOWS,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
}
