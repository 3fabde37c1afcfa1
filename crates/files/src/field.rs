//! Appends a field of a file to a row of binary COPY, whatever the file's format.

use tally_postgres::pgtype::copy::{append_encoded, append_field};
use tally_rows::config::Column;
use tally_rows::decode::{sqlstate, Reject};

/// Appends what `encode` writes, or NULL; a refusal names the column.
pub fn append(
    column: &Column,
    is_null: bool,
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Reject>,
) -> Result<(), Reject> {
    let refuse = |state, what: &str| Err(Reject::new(state, what).in_column(&column.name));
    if is_null && column.required {
        return refuse(sqlstate::NOT_NULL, "required value is missing");
    }
    if is_null {
        append_field(None, out);
        return Ok(());
    }
    match append_encoded(out, encode).map_err(|reject| reject.in_column(&column.name))? {
        true => Ok(()),
        false => refuse(sqlstate::TOO_LARGE, "value is larger than 2 GiB"),
    }
}
