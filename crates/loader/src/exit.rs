//! Reasons for work to end before it is done.

use tally_postgres::Failure;

/// The end of work that is not done. What was committed stays, and the next run goes on from there.
#[derive(Debug)]
pub enum Exit {
    /// The run was told to stop, or whoever the work was for has ended.
    Stopped,
    /// An error; its kind says whether to begin again.
    Failed(Failure),
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The result of work for which stopping is a good end.
pub fn unless_failed(result: Result<(), Exit>) -> Result<(), Failure> {
    match result {
        Ok(()) | Err(Exit::Stopped) => Ok(()),
        Err(Exit::Failed(failure)) => Err(failure),
    }
}
