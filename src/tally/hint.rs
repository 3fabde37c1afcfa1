//! The hint that PostgreSQL's error lacks for `SELECT day, avg(price) FROM hourly GROUP BY day`, where `price` is a
//! column of tallies.
//!
//! `avg(tally)` is an accessor, and no aggregate can share its name and argument; so the parser finds a column that is
//! not grouped, and fails before any code of the extension is called. The hook for errors on their way to the log can
//! still add a hint, and the position of the error shows whether the column is the argument of an accessor.

use crate::pg::server::hook::Hook;
use crate::pg::server::plain::guarded;
use pgrx::{pg_sys, PgSqlErrorCode};
use std::ffi::{CStr, CString};

/// Accessors that have the name of an aggregate.
const ACCESSORS: [&str; 10] =
    ["sum", "avg", "var_samp", "variance", "var_pop", "stddev_samp", "stddev", "stddev_pop", "min", "max"];

type EmitLog = unsafe extern "C-unwind" fn(*mut pg_sys::ErrorData);

// PostgreSQL defines the hook, which it calls with an error's data.
unsafe extern "C-unwind" {
    safe static emit_log_hook: Hook<EmitLog>;
}

/// The hook that was there before ours.
static NEXT: Hook<EmitLog> = Hook::none();

/// Adds our hook to the chain.
pub fn install() {
    emit_log_hook.chain(emit, &NEXT);
}

/// Adds the hint to an error where it applies. A plain frame: the next hook may raise an error.
unsafe extern "C-unwind" fn emit(error: *mut pg_sys::ErrorData) {
    // SAFETY: PostgreSQL passes the error that it is about to report, which is what the next hook takes.
    unsafe {
        if (*error).sqlerrcode == PgSqlErrorCode::ERRCODE_GROUPING_ERROR as i32 {
            guarded(|| add_hint(&mut *error));
        }
        if let Some(next) = NEXT.get() {
            next(error);
        }
    }
}

/// Adds the hint to an error that has none.
///
/// # Safety
/// PostgreSQL is about to report the error.
unsafe fn add_hint(data: &mut pg_sys::ErrorData) {
    // SAFETY: the text of the statement, if there is one, and the hint end with a zero; the error keeps a copy of the
    // hint.
    unsafe {
        if data.hint.is_null() && data.cursorpos > 0 && !pg_sys::debug_query_string.is_null() {
            let statement = CStr::from_ptr(pg_sys::debug_query_string).to_string_lossy();
            let hint = hint(&statement, data.cursorpos as usize - 1).and_then(|hint| CString::new(hint).ok());
            if let Some(hint) = hint {
                data.hint = pg_sys::MemoryContextStrdup(data.assoc_context, hint.as_ptr());
            }
        }
    }
}

/// Returns the hint if the column at this character of a statement is the argument of an accessor.
fn hint(statement: &str, position: usize) -> Option<String> {
    let (start, _) = statement.char_indices().nth(position)?;
    let before = statement[..start].trim_end().strip_suffix('(')?.trim_end();
    let name_from = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    let accessor = before[name_from..].to_ascii_lowercase();
    let (column, _) = statement[start..].split_once(')')?;
    let column = column.trim();
    (ACCESSORS.contains(&accessor.as_str()) && !column.contains(['(', ',', '\''])).then(|| {
        format!(
            "{accessor}({column}) reads one tally. To merge the tallies of a group first, write {accessor}(tally({column}))."
        )
    })
}
