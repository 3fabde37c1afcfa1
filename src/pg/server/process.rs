//! The state of the session and of its transaction, which can be read at any time.

use pgrx::pg_sys::{CommandId, FullTransactionId, Oid, TimestampTz};

// PostgreSQL defines these functions with these arguments, which they read or fill in. They take any and raise no
// error, and so need no guard.
unsafe extern "C-unwind" {
    /// The user as whom code runs.
    #[link_name = "GetUserId"]
    pub safe fn user() -> Oid;

    /// Whether the server is a standby, or recovering.
    #[link_name = "RecoveryInProgress"]
    pub safe fn is_recovering() -> bool;

    /// The encoding of the database.
    #[link_name = "GetDatabaseEncoding"]
    pub safe fn encoding() -> i32;

    /// The current time, in microseconds since 2000.
    #[link_name = "GetCurrentTimestamp"]
    pub safe fn now() -> TimestampTz;

    /// The nesting level of the running subtransaction.
    #[link_name = "GetCurrentTransactionNestLevel"]
    pub safe fn nesting() -> i32;

    /// The Julian day of a date.
    #[link_name = "date2j"]
    pub safe fn julian_day(year: i32, month: i32, day: i32) -> i32;

    /// Fills in the date of a Julian day.
    #[link_name = "j2date"]
    pub safe fn date_of_julian_day(day: i32, year: &mut i32, month: &mut i32, day_of_month: &mut i32);

    /// The number of the process, which never changes.
    #[link_name = "MyProcPid"]
    pub safe static PROCESS: i32;

    safe fn GetTopFullTransactionIdIfAny() -> FullTransactionId;
    safe fn GetCurrentCommandId(used: bool) -> CommandId;
}

/// The ID of the running transaction; 0 if it has none.
pub fn transaction_if_any() -> u64 {
    GetTopFullTransactionIdIfAny().value
}

/// The number of the running command.
pub fn command() -> CommandId {
    GetCurrentCommandId(false)
}
