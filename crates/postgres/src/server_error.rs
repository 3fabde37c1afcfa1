//! What an error of the server says, and what it means for the statement that met it.

use std::error::Error as _;

use tokio_postgres::error::{DbError, Severity, SqlState};
use tokio_postgres::Error;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server or the way to it is in trouble: wait, and try the same again.
    Outage,
    /// A row cannot be stored: take it out.
    Row,
    /// Neither waiting nor leaving out a row would help.
    Stop,
}

/// Judges an error by its SQLSTATE; without one it came from the connection.
pub fn verdict(error: &Error) -> Verdict {
    match error.as_db_error() {
        Some(error) => of_state(error.code().code(), error.parsed_severity()),
        None => Verdict::Outage,
    }
}

fn of_state(state: &str, severity: Option<Severity>) -> Verdict {
    match &state[..2] {
        // A column that wants more bytes than its value has: it is wider than when the rows were made. Poolers use the same
        // state for a server that is gone, but they end the session with it.
        _ if state == SqlState::PROTOCOL_VIOLATION.code() && severity == Some(Severity::Error) => {
            Verdict::Stop
        }
        // A statement was cancelled after its answer, by statement_timeout for one, and only the next one says so.
        _ if state == SqlState::IN_FAILED_SQL_TRANSACTION.code() => Verdict::Outage,
        // Connection, resources, operator intervention, serialization and deadlock, input/output.
        "08" | "53" | "57" | "40" | "58" => Verdict::Outage,
        _ if state == SqlState::LOCK_NOT_AVAILABLE.code() => Verdict::Outage,
        // Not a row: the columns are not what they were when the rows were made.
        _ if state == SqlState::INVALID_BINARY_REPRESENTATION.code() => Verdict::Stop,
        // Data, constraints, limits on one value, and what a trigger raises.
        "22" | "23" | "44" | "54" | "P0" => Verdict::Row,
        _ => Verdict::Stop,
    }
}

/// What an error says, in one phrase: the server's own words, or the deepest cause.
pub fn explain(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        let detail = db.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        // The error itself was lost between two statements.
        let cause = match *db.code() {
            SqlState::IN_FAILED_SQL_TRANSACTION => {
                "; a statement before was cancelled, by statement_timeout or by another session"
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

/// The row of a COPY, counted from 1, that its error is about: `COPY trades, line 3, column price`.
///
/// The words are translated by the server; the number is the first one after the table's name.
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
            ("57P01", Verdict::Outage),
            ("40P01", Verdict::Outage),
            ("53100", Verdict::Outage),
            ("55P03", Verdict::Outage),
            ("23505", Verdict::Row),
            ("22021", Verdict::Row),
            ("54000", Verdict::Row),
            ("22P03", Verdict::Stop),
            ("42703", Verdict::Stop),
            ("25006", Verdict::Stop),
            ("25P02", Verdict::Outage),
            ("08P01", Verdict::Stop),
        ] {
            assert_eq!(of_state(state, Some(Severity::Error)), expected, "{state}");
        }
        assert_eq!(of_state("08P01", Some(Severity::Fatal)), Verdict::Outage, "a pooler");
    }
}
