//! Errors: for users, a line with the place, the problem and a hint; for programs, a kind that says whether to try
//! again.

use std::fmt;
use std::process::ExitCode;

/// The way a program can react to an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Wait and try again: a server or the network has failed.
    Retry,
    /// Skip the row or message that the error is about.
    Reject,
    /// Stop: neither waiting nor skipping would help.
    Fatal,
}

/// An error for the user: one line and an exit code.
///
/// Built as a sentence: `Failure::new("connection refused").at("broker 127.0.0.1:9092").mend("start the broker")`
/// prints `broker 127.0.0.1:9092: connection refused; start the broker`.
#[derive(Debug)]
pub struct Failure {
    kind: ErrorKind,
    place: Option<String>,
    what: String,
    mend: Option<String>,
    code: u8,
}

impl Failure {
    /// Creates a failure of a running program: exit code 1.
    pub fn new(what: impl fmt::Display) -> Self {
        Self { kind: ErrorKind::Fatal, place: None, what: one_line(what), mend: None, code: 1 }
    }

    /// Creates a failure that is due to an option or a file of the user: exit code 2, as for a wrong option.
    pub fn usage(what: impl fmt::Display) -> Self {
        Self { code: 2, ..Self::new(what) }
    }

    /// Creates a transient failure: trying again later may help.
    pub fn transient(what: impl fmt::Display) -> Self {
        Self::new(what).of_kind(ErrorKind::Retry)
    }

    /// Adds the place: a file and line, a broker, a table.
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self { place: Some(one_line(place)), ..self }
    }

    /// Adds a hint: what the user can do about it.
    pub fn mend(self, how: impl fmt::Display) -> Self {
        Self { mend: Some(one_line(how)), ..self }
    }

    /// Adds a sentence after the hint.
    pub fn and(self, also: impl fmt::Display) -> Self {
        let mend = self.mend.map_or_else(|| also.to_string(), |mend| format!("{mend}; {also}"));
        Self { mend: Some(one_line(mend)), ..self }
    }

    /// Sets what a program can do about the error.
    pub fn of_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// The way a program can react to the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(mend) = &self.mend {
            write!(f, "; {mend}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Joins the lines of a text: errors of libraries may have several, but scripts expect one.
fn one_line(text: impl fmt::Display) -> String {
    text.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_sentence() {
        let failure = Failure::new("connection\n  refused").at("broker b:9092").mend("start it");
        assert_eq!(failure.to_string(), "broker b:9092: connection refused; start it");
        assert_eq!(Failure::usage("no").to_string(), "no");
    }
}
