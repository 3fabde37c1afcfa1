//! Errors: every failure is a PostgreSQL error with an SQLSTATE and a hint.

use super::reserve;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::PgSqlErrorCode;
use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::env;

/// Keeps Rust from adding backtraces to errors, whatever the server's environment asks for: clients should not see
/// paths of the build.
///
/// Rust reads the environment once, when it is first asked for a backtrace; the environment is left unchanged.
pub fn omit_backtraces() {
    const ASKED: &str = "RUST_LIB_BACKTRACE";
    let before = env::var_os(ASKED);
    env::set_var(ASKED, "0");
    drop(Backtrace::capture());
    match before {
        Some(value) => env::set_var(ASKED, value),
        None => env::remove_var(ASKED),
    }
}

/// The longest text of an error, in bytes.
const LONGEST: usize = 4096;

/// The longest text that an error quotes, in bytes.
const LONGEST_QUOTED: usize = 200;

/// Raises an error; PostgreSQL's memory contexts release what was allocated in them.
pub fn raise(code: PgSqlErrorCode, message: impl Into<String>, detail: impl Into<String>, hint: &str) -> ! {
    let mut report =
        ErrorReport::new(code, clipped(message.into()), "pg_tally").set_hint(clipped(hint.into()));
    let detail = clipped(detail.into());
    if !detail.is_empty() {
        report = report.set_detail(detail);
    }
    // The first panic of a session registers a destructor; glibc aborts the process if there is no memory for it.
    reserve::give_up();
    // What pgrx does to report an error, but known not to return.
    std::panic::panic_any(report)
}

/// Raises an error that only a defect of the extension itself can cause.
#[cold]
pub fn defect(what: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        format!("unexpected in pg_tally: {what}"),
        "",
        "This is a defect of pg_tally.",
    )
}

/// An argument as an error quotes it: only its beginning if it is long, since it may have megabytes.
pub fn excerpt(text: &str) -> Cow<'_, str> {
    shortened(text, LONGEST_QUOTED)
}

fn clipped(text: String) -> String {
    match shortened(&text, LONGEST) {
        Cow::Owned(short) => short,
        Cow::Borrowed(_) => text,
    }
}

fn shortened(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest {
        return text.into();
    }
    format!("{} …", &text[..text.floor_char_boundary(longest)]).into()
}
