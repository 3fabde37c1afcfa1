//! Text, binary and jsonb forms of tallies, all validated.

use crate::datum::tally::SqlTally;
use crate::pg::server::error::raise;
use crate::pg::server::wire::remaining_bytes;
use pgrx::prelude::*;
use pgrx::Internal;
use std::ffi::{CStr, CString};
use tally_stats::{Parts, Tally, TextError, WireError};

const HINT: &str = "A tally is written (count,mean,m2,min,max), as a cast to text returns it; a number needs a type, as in tally(5) and t + 5.";

/// The longest text that is parsed, in bytes. No tally needs a longer one, and nothing is allocated for an invalid one.
const MOST_TEXT: usize = 1 << 16;
/// The most bytes of an invalid text that an error shows.
const MOST_SHOWN: usize = 200;

#[pg_extern(sql = false)]
fn tally_in(input: &CStr) -> SqlTally {
    let bytes = input.to_bytes();
    if bytes.trim_ascii_start().starts_with(b"{") {
        // Functions such as jsonb_populate_record pass objects as text.
        return from_json(bytes);
    }
    let detail = match std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MOST_TEXT).map(str::parse)
    {
        Some(Ok(tally)) => return SqlTally(tally),
        Some(Err(TextError::Impossible(why))) => format!("No set of values has such a tally: {why}."),
        Some(Err(TextError::Syntax)) | None => String::new(),
    };
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_SHOWN)]);
    let rest = if bytes.len() > MOST_SHOWN { "…" } else { "" };
    let message = format!("invalid input syntax for type tally: \"{shown}{rest}\"");
    raise(PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION, message, detail, HINT)
}

#[pg_extern(sql = false)]
fn tally_out(t: &SqlTally) -> CString {
    CString::new(t.to_string()).unwrap_or_default()
}

#[pg_extern(sql = false)]
fn tally_summary(t: &SqlTally) -> String {
    t.summary()
}

#[pg_extern(sql = false)]
fn tally_send(t: &SqlTally) -> Vec<u8> {
    t.to_bytes().to_vec()
}

#[pg_extern(sql = false)]
fn tally_recv(mut message: Internal) -> SqlTally {
    let bytes = remaining_bytes(&mut message);
    let detail = match Tally::from_bytes(bytes) {
        Ok(tally) => return SqlTally(tally),
        Err(WireError::Length) => format!("The value has {} bytes, not {}.", bytes.len(), Tally::WIRE_LEN),
        Err(WireError::Version(version)) => {
            format!("The value has version {version}; this pg_tally supports version 1.")
        }
        Err(WireError::Impossible(why)) => format!("No set of values has such a tally: {why}."),
    };
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION,
        "invalid binary representation of type tally",
        detail,
        "Send what tally_send() returned; to build a tally from numbers, use tally_of().",
    )
}

#[pg_extern(sql = false)]
fn tally_to_json(t: &SqlTally) -> String {
    serde_json::to_string(&Parts::from(&t.0)).unwrap_or_default()
}

#[pg_extern(sql = false)]
fn tally_from_json(text: &str) -> SqlTally {
    from_json(text.as_bytes())
}

fn from_json(text: &[u8]) -> SqlTally {
    let short = if text.len() <= MOST_TEXT { text } else { b"" };
    let detail = match serde_json::from_slice::<Parts>(short) {
        Ok(parts) => match parts.into_tally() {
            Ok(tally) => return SqlTally(tally),
            Err(why) => format!("No set of values has such a tally: {why}."),
        },
        Err(error) => format!("{error}."),
    };
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
        "invalid JSON for type tally",
        detail,
        "The object has num_vals, avg, m2, min and max, as the casts from tally to json and jsonb return them.",
    )
}
