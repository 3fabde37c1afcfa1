//! The text form, which is the stored bytes in hexadecimal, and the binary form. Input is validated, and encoded again
//! by this version, so that equal states have equal bytes.

use super::datum::read;
use crate::pg::server::error::raise;
use crate::pg::server::wire::remaining_bytes;
use pgrx::prelude::*;
use pgrx::Internal;
use std::ffi::{CStr, CString};
use tally_stats::detector::MOST_BYTES;

#[pg_extern(sql = false)]
fn detector_in(input: &CStr) -> Vec<u8> {
    let text = input.to_bytes();
    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
    let hex = text.strip_prefix(b"\\x").or_else(|| text.strip_prefix(b"\\X"));
    let bytes = hex.filter(|hex| hex.len() % 2 == 0 && hex.len() <= 2 * MOST_BYTES).and_then(|hex| {
        hex.chunks_exact(2)
            .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
            .collect::<Option<Vec<u8>>>()
    });
    let Some(bytes) = bytes else {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
            "invalid input syntax for type detector",
            "",
            "The text of a detector is \\x and its bytes in hexadecimal, as a cast to text returns them.",
        )
    };
    read(&bytes, PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION).to_bytes()
}

#[pg_extern(sql = false)]
fn detector_out(bytes: &[u8]) -> CString {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    CString::new(text).unwrap_or_default()
}

#[pg_extern(sql = false)]
fn detector_send(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

#[pg_extern(sql = false)]
fn detector_recv(mut message: Internal) -> Vec<u8> {
    let bytes = remaining_bytes(&mut message);
    read(bytes, PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION).to_bytes()
}
