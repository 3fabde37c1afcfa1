//! The configuration parameters, all named `pg_tally.…`.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use std::ffi::CString;

static ACCELERATE_WINDOWS: GucSetting<bool> = GucSetting::<bool>::new(true);

static WINDOW_MEM: GucSetting<i32> = GucSetting::<i32>::new(1 << 20);

static ANSWER_FROM_TREES: GucSetting<Answering> = GucSetting::<Answering>::new(Answering::On);

static TREE_NOTICES: GucSetting<bool> = GucSetting::<bool>::new(false);

static POWERTREE_BULK: GucSetting<bool> = GucSetting::<bool>::new(false);

static POWERTREE_DATABASES: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static POWERTREE_COMPACT_ROWS: GucSetting<i32> = GucSetting::<i32>::new(16_384);
static POWERTREE_COMPACT_SECONDS: GucSetting<i32> = GucSetting::<i32>::new(5);

/// Whether built-in aggregates over moving frames are replaced.
pub fn accelerate_windows() -> bool {
    ACCELERATE_WINDOWS.get()
}

/// The memory that a node of the plan may take for the frames of its windows, in kB.
pub fn window_mem() -> usize {
    WINDOW_MEM.get() as usize
}

/// The grouped queries that power trees answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum Answering {
    /// All queries that trees can answer.
    #[name = c"on"]
    On,
    /// Only queries whose results have the same bytes as without trees.
    #[name = c"exact"]
    Exact,
    /// No queries.
    #[name = c"off"]
    Off,
}

/// The grouped queries that power trees answer.
pub fn answer_from_trees() -> Answering {
    ANSWER_FROM_TREES.get()
}

/// Whether a notice says why a grouped query is not answered from a power tree.
pub fn tree_notices() -> bool {
    TREE_NOTICES.get()
}

/// Whether statements only mark which leaves of a power tree they touched.
pub fn powertree_bulk() -> bool {
    POWERTREE_BULK.get()
}

/// The databases whose power trees background workers compact.
pub fn powertree_databases() -> Vec<String> {
    let list = POWERTREE_DATABASES.get().map(|list| list.to_string_lossy().into_owned()).unwrap_or_default();
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The rows of its log at which a worker compacts a power tree.
pub fn powertree_compact_rows() -> i32 {
    POWERTREE_COMPACT_ROWS.get()
}

/// The seconds after which a worker compacts a power tree again, if its log is not empty.
pub fn powertree_compact_seconds() -> i32 {
    POWERTREE_COMPACT_SECONDS.get()
}

/// Registers the parameters; `is_preloading` says whether the server is loading its libraries.
pub fn register(is_preloading: bool) {
    GucRegistry::define_bool_guc(
        c"pg_tally.accelerate_windows",
        c"Computes built-in aggregates over moving window frames in constant time per row.",
        c"Results are those of the built-in aggregates; floating-point ones are more exact.",
        &ACCELERATE_WINDOWS,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_int_guc(
        c"pg_tally.window_mem",
        c"Sets the maximum memory for the frames of an accelerated window.",
        c"A query that needs more fails; with pg_tally.accelerate_windows turned off it runs as without pg_tally.",
        &WINDOW_MEM,
        64,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_KB | GucFlags::EXPLAIN,
    );
    GucRegistry::define_enum_guc(
        c"pg_tally.answer_from_trees",
        c"Answers grouped queries from the power trees of their tables.",
        c"With exact, sums and means of floating-point numbers, which trees round correctly, are left to PostgreSQL.",
        &ANSWER_FROM_TREES,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_bool_guc(
        c"pg_tally.tree_notices",
        c"Says why a grouped query of a table with a power tree is not answered from the tree.",
        c"One notice for each such query and tree, when it is planned.",
        &TREE_NOTICES,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"pg_tally.powertree_bulk",
        c"Marks the leaves between the first and the last row of a statement instead of adding up its rows.",
        c"For loads of many rows: cheaper to write, and read from the table until the next compaction.",
        &POWERTREE_BULK,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"pg_tally.powertree_compact_rows",
        c"Rows in the log of a power tree at which a background worker compacts it.",
        c"A read costs time for each row of the log in its range.",
        &POWERTREE_COMPACT_ROWS,
        1,
        i32::MAX,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"pg_tally.powertree_compact_seconds",
        c"Seconds after which a background worker compacts a power tree again, if its log is not empty.",
        c"",
        &POWERTREE_COMPACT_SECONDS,
        1,
        86_400,
        GucContext::Sighup,
        GucFlags::UNIT_S,
    );
    // PostgreSQL allows a setting of the postmaster to be defined only while the server starts.
    if is_preloading {
        GucRegistry::define_string_guc(
            c"pg_tally.powertree_databases",
            c"Databases, separated by commas, whose power trees background workers compact.",
            c"Where pg_tally is in shared_preload_libraries.",
            &POWERTREE_DATABASES,
            GucContext::Postmaster,
            GucFlags::default(),
        );
    }
}
