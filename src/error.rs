//! Every failure is a PostgreSQL error with an SQLSTATE and a hint.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// Raises an error; what PostgreSQL allocated since is released by its memory contexts.
pub fn raise(code: PgSqlErrorCode, message: impl Into<String>, detail: impl Into<String>, hint: &str) -> ! {
    let mut report = ErrorReport::new(code, message.into(), "pg_tally").set_hint(hint);
    let detail = detail.into();
    if !detail.is_empty() {
        report = report.set_detail(detail);
    }
    report.report(PgLogLevel::ERROR);
    unreachable!("an error does not return");
}
