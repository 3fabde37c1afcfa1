//! Reasons why a message cannot be decoded.

use tally_postgres::{ErrorKind, Failure};
use tally_rows::decode::Reject;

/// The reason why a message cannot be decoded now.
#[derive(Debug)]
pub enum NotReady {
    /// The message never becomes a row: it is a dead letter.
    Rejected(Reject),
    /// The rows before it have to be handed over first, because they were made for the table as it was.
    AfterHandOver,
    /// An error; of kind `Retry` if the message can be decoded later.
    Failed(Failure),
}

impl NotReady {
    /// The consequence of an error of the schema registry.
    pub fn without_schema(failure: Failure) -> Self {
        match failure.kind() {
            ErrorKind::Reject => Self::Rejected(Reject::no_schema(failure.to_string())),
            ErrorKind::Retry | ErrorKind::Fatal => Self::Failed(failure),
        }
    }
}

impl From<Reject> for NotReady {
    fn from(reject: Reject) -> Self {
        Self::Rejected(reject)
    }
}
