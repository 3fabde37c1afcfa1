//! What went wrong outside a batch: something that passes by itself, or something that somebody has to mend.

use crate::pg::{self, verdict, Verdict};
use crate::Failure;

/// Why something did not work.
#[derive(Debug)]
pub enum Setback {
    /// It may work later.
    Passing(String),
    /// It will not.
    Lasting(Failure),
}

impl Setback {
    /// Judges an error of the database; `place` says during what.
    pub fn database(place: &str, error: &tokio_postgres::Error) -> Self {
        match verdict(error) {
            Verdict::Outage => Self::Passing(pg::explain(error)),
            Verdict::Row | Verdict::Stop => Self::Lasting(pg::failure(place, error)),
        }
    }
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self::Lasting(failure)
    }
}

/// At the start everything has to work at once: somebody is looking.
impl From<Setback> for Failure {
    fn from(setback: Setback) -> Self {
        match setback {
            Setback::Passing(what) => Self::new(what),
            Setback::Lasting(failure) => failure,
        }
    }
}
