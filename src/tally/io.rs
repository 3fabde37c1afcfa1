//! Text, binary and jsonb, all validated: what cannot be a tally is refused.

use super::datum::SqlTally;
use crate::error::raise;
use crate::wire::remaining_bytes;
use pgrx::prelude::*;
use pgrx::Internal;
use std::ffi::{CStr, CString};
use tally_stats::{Parts, Tally, TextError, WireError};

const HINT: &str = "A tally is written (count,mean,m2,min,max), as tally_of() and casts to text give it.";

#[pg_extern(sql = false)]
fn tally_in(input: &CStr) -> SqlTally {
    let text = input.to_string_lossy();
    let detail = match text.parse() {
        Ok(tally) => return SqlTally(tally),
        Err(TextError::Syntax) => String::new(),
        Err(TextError::Impossible(why)) => format!("No values have such a tally: {why}."),
    };
    let message = format!("invalid input syntax for type tally: \"{text}\"");
    raise(PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION, message, detail, HINT)
}

#[pg_extern(sql = false)]
fn tally_out(t: &SqlTally) -> CString {
    CString::new(t.to_string()).unwrap_or_default()
}

#[pg_extern(sql = false)]
fn tally_send(t: &SqlTally) -> Vec<u8> {
    t.to_bytes().to_vec()
}

#[pg_extern(sql = false)]
fn tally_recv(message: Internal) -> SqlTally {
    let bytes = remaining_bytes(message);
    let detail = match Tally::from_bytes(bytes) {
        Ok(tally) => return SqlTally(tally),
        Err(WireError::Length) => format!("It has {} bytes, not {}.", bytes.len(), Tally::WIRE_LEN),
        Err(WireError::Version(version)) => {
            format!("Its version is {version}; this pg_tally knows version 1.")
        }
        Err(WireError::Impossible(why)) => format!("No values have such a tally: {why}."),
    };
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION,
        "invalid binary representation of type tally",
        detail,
        "Send what tally_send() gave; to build a tally from numbers use tally_of().",
    )
}

#[pg_extern(sql = false)]
fn tally_to_json(t: &SqlTally) -> String {
    serde_json::to_string(&Parts::from(&t.0)).unwrap_or_default()
}

#[pg_extern(sql = false)]
fn tally_from_json(text: &str) -> SqlTally {
    let detail = match serde_json::from_str::<Parts>(text) {
        Ok(parts) => match parts.into_tally() {
            Ok(tally) => return SqlTally(tally),
            Err(why) => format!("No values have such a tally: {why}."),
        },
        Err(error) => format!("{error}."),
    };
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
        "invalid jsonb for type tally",
        detail,
        "The object has num_vals, avg, m2, min and max, as the cast from tally to jsonb gives them.",
    )
}
