//! Errors of the server: their text, and what they mean for the failed statement.

use std::error::Error as _;

use tokio_postgres::error::{DbError, Severity, SqlState};
use tokio_postgres::Error;

use crate::failure::ErrorKind;

/// Classifies an error by its SQLSTATE; an error without one came from the connection.
pub fn error_kind(error: &Error) -> ErrorKind {
    match error.as_db_error() {
        Some(error) => of_state(error.code().code(), error.parsed_severity()),
        None => ErrorKind::Retry,
    }
}

fn of_state(state: &str, severity: Option<Severity>) -> ErrorKind {
    match &state[..2] {
        // A column expects more bytes than its value has: it was widened after the rows were encoded. Poolers use the
        // same state for a lost server, but they end the session with it.
        _ if state == SqlState::PROTOCOL_VIOLATION.code() && severity == Some(Severity::Error) => {
            ErrorKind::Fatal
        }
        // A statement was cancelled after its answer, for example by statement_timeout, and only the next statement
        // reports it.
        _ if state == SqlState::IN_FAILED_SQL_TRANSACTION.code() => ErrorKind::Retry,
        // Connections, resources, operator intervention, serialization failures and deadlocks, input and output.
        "08" | "53" | "57" | "40" | "58" => ErrorKind::Retry,
        _ if state == SqlState::LOCK_NOT_AVAILABLE.code() => ErrorKind::Retry,
        // The row is not to blame: the columns have changed since the rows were encoded.
        _ if state == SqlState::INVALID_BINARY_REPRESENTATION.code() => ErrorKind::Fatal,
        // Data, constraints, limits on one value, and errors that triggers raise.
        "22" | "23" | "44" | "54" | "P0" => ErrorKind::Reject,
        _ => ErrorKind::Fatal,
    }
}

/// Explains an error in one phrase: the server's own message, or the deepest cause.
pub fn explain(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        let detail = db.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        // The actual error was lost between two statements.
        let cause = match *db.code() {
            SqlState::IN_FAILED_SQL_TRANSACTION => {
                "; an earlier statement was cancelled, by statement_timeout or by another session"
            }
            _ => "",
        };
        return format!("{}{detail}{cause} [{}]", db.message(), db.code().code());
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Returns the row of a COPY, counted from 1, that an error is about: `COPY trades, line 3, column price`.
///
/// The server may translate the words; the row is the first number after the table's name.
pub fn refused_line(error: &DbError, table: &str) -> Option<usize> {
    let context = error.where_()?;
    let after = context
        .lines()
        .find_map(|line| line.strip_prefix("COPY ")?.strip_prefix(table)?.strip_prefix(','))?;
    let digits = after.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        for (state, expected) in [
            ("57P01", ErrorKind::Retry),
            ("40P01", ErrorKind::Retry),
            ("53100", ErrorKind::Retry),
            ("55P03", ErrorKind::Retry),
            ("23505", ErrorKind::Reject),
            ("22021", ErrorKind::Reject),
            ("54000", ErrorKind::Reject),
            ("22P03", ErrorKind::Fatal),
            ("42703", ErrorKind::Fatal),
            ("25006", ErrorKind::Fatal),
            ("25P02", ErrorKind::Retry),
            ("08P01", ErrorKind::Fatal),
        ] {
            assert_eq!(of_state(state, Some(Severity::Error)), expected, "{state}");
        }
        assert_eq!(of_state("08P01", Some(Severity::Fatal)), ErrorKind::Retry, "a pooler");
    }
}
