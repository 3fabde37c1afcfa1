//! The common part of dead letters of messages and of files: the stage and the reason of the refusal.

use tally_postgres::pgtype::copy::append_field;

use crate::decode::Reject;

/// The stage at which a message or a row was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Refused by the decoder.
    Decode,
    /// Refused by PostgreSQL.
    Write,
}

impl Stage {
    /// The name in the tables of dead letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Write => "write",
        }
    }
}

/// Returns a text without zero bytes, which no column of type text can hold.
pub fn storable(message: &str) -> String {
    message.replace('\0', "\\0")
}

/// Appends the columns stage, sqlstate, column_name and message to a row of binary COPY.
pub fn append_reason(stage: Stage, reject: &Reject, out: &mut Vec<u8>) {
    append_field(Some(stage.name().as_bytes()), out);
    append_field(Some(reject.sqlstate.as_bytes()), out);
    append_field(reject.column.as_deref().map(str::as_bytes), out);
    append_field(Some(storable(&reject.message).as_bytes()), out);
}
