//! The configuration parameters, all named `pg_tally.…`.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

static ACCELERATE_WINDOWS: GucSetting<bool> = GucSetting::<bool>::new(true);

static POWERTREE_BULK: GucSetting<bool> = GucSetting::<bool>::new(false);

/// Are built-in aggregates over moving frames to be replaced?
pub fn accelerate_windows() -> bool {
    ACCELERATE_WINDOWS.get()
}

/// Do statements only mark which leaves of a power tree they touched?
pub fn powertree_bulk() -> bool {
    POWERTREE_BULK.get()
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
    GucRegistry::define_bool_guc(
        c"pg_tally.powertree_bulk",
        c"Marks the leaves between the first and the last row of a statement instead of adding up its rows.",
        c"For loads of many rows: cheaper to write, and read from the table until the next compaction.",
        &POWERTREE_BULK,
        GucContext::Userset,
        GucFlags::default(),
    );
}
