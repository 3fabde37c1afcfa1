//! The datum of a detector: the bytes of its stored form in a varlena.

use crate::pg::memory::heap;
use crate::pg::server::error::raise;
use pgrx::PgSqlErrorCode;
use std::ops::RangeInclusive;
use tally_stats::detector::{CodecError, Detector, Options, Refused, Settings, VERSION};

/// The settings of all detectors in SQL.
pub const SETTINGS: &Settings = &Settings::DEFAULT;

/// The finite times of PostgreSQL.
const TIMES: RangeInclusive<i64> = -211_813_488_000_000_000..=9_223_371_331_199_999_999;

/// Decodes a detector; raises an error with this code if the bytes are not a valid one.
pub fn read(bytes: &[u8], code: PgSqlErrorCode) -> Detector {
    let detail = match Detector::from_bytes(bytes) {
        Ok(detector) if timely(&detector) => return detector,
        Ok(_) => "The state contains a time outside of PostgreSQL's range.".to_string(),
        Err(CodecError::Impossible(flaw)) => format!("No series produces this state: {flaw}."),
        Err(CodecError::Version(version)) if version > VERSION => raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "detector was written by a later version of pg_tally",
            format!("The value has version {version}; this pg_tally supports version {VERSION}."),
            "Install the version of pg_tally that wrote the value, or a later one.",
        ),
        Err(CodecError::Version(_) | CodecError::Damaged) => {
            "The stored bytes are truncated or corrupted.".to_string()
        }
    };
    raise(
        code,
        "invalid value of type detector",
        detail,
        "Restore the value from a backup, or rebuild it from the rows with detect().",
    )
}

/// Whether the times of a detector lie in PostgreSQL's range.
fn timely(detector: &Detector) -> bool {
    detector.times().is_none_or(|(first, last)| TIMES.contains(&first) && TIMES.contains(&last))
}

/// Decodes a stored detector.
pub fn stored(bytes: &[u8]) -> Detector {
    read(bytes, PgSqlErrorCode::ERRCODE_DATA_CORRUPTED)
}

/// Decodes a stored detector, or starts one.
pub fn started(bytes: Option<&[u8]>, timed: bool) -> Detector {
    bytes.map_or_else(|| Detector::new(timed, Options::new(timed)), stored)
}

/// Observes a row, or raises an error.
pub fn observe(detector: &mut Detector, x: Option<f64>, at: Option<i64>) {
    advance(|s| detector.observe(x, at, s));
}

/// Takes in a row, or raises the error for which it is refused.
pub fn advance(take: impl FnOnce(&Settings) -> Result<(), Refused>) {
    heap::check();
    let Err(refused) = take(SETTINGS) else { return };
    match refused {
        Refused::Backwards => raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "row is earlier than the row before it",
            "A detector needs the rows of a series in time order.",
            "In an aggregate, write detect(value, at ORDER BY at); keep one detector for each series.",
        ),
        Refused::Timeless => raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "some rows of the series have a time and some have none",
            "",
            "Give all rows of a detector a time, or none.",
        ),
    }
}

/// Returns the time of a row; raises an error unless it is finite.
pub fn time(at: Option<i64>) -> i64 {
    match at {
        Some(at) if TIMES.contains(&at) => at,
        Some(_) => raise(
            PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW,
            "time of a row must be finite",
            "",
            "Leave out rows at infinity.",
        ),
        None => raise(
            PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            "time of a row must not be null",
            "",
            "Leave out rows without a time, or use detect(value) and observe(detector, value) without times.",
        ),
    }
}

/// Checks the options that a user has given.
pub fn options(timed: bool, sensitivity: Option<f64>, period: Option<i64>) -> Options {
    let mut options = Options::new(timed);
    if let Some(sensitivity) = sensitivity {
        if !(sensitivity > 0.0 && sensitivity.is_finite()) {
            raise(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("sensitivity must be a positive number: {sensitivity}"),
                "",
                "Sensitivity multiplies the expected rate of changes; 1 is the default.",
            );
        }
        options.sensitivity = sensitivity;
    }
    if let Some(period) = period {
        if period <= 0 {
            raise(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                "period must be positive",
                "",
                "The period is the length of the season, for example '1 day' or '7 days'.",
            );
        }
        options.period = period;
    }
    options
}
