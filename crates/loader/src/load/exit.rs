//! How a session of reading and writing ends.

use crate::Failure;

/// Why a session does not go on.
#[derive(Debug)]
pub enum Exit {
    /// Everything that was to be done is done, or the run was told to stop.
    Ended,
    /// The session has to begin again, with what PostgreSQL and the broker say by then.
    Again(String),
    /// The run cannot go on.
    Failed(Failure),
}

impl Exit {
    /// The end of two sides that ended together: the one that says more.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed(failure), _) | (_, Self::Failed(failure)) => Self::Failed(failure),
            (Self::Again(reason), _) | (_, Self::Again(reason)) => Self::Again(reason),
            (Self::Ended, Self::Ended) => Self::Ended,
        }
    }
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
