//! Avro in Confluent's framing: a zero byte, the schema's ID in the registry, and the value in Avro's binary form.
//!
//! A message is decoded by the schema with which it was written, straight into the fields of binary COPY. The schema is
//! compiled once for each table.

mod columns;
mod cursor;
mod datum;
mod evolve;
mod plan;
mod shape;

use super::{sqlstate, Reject};
use cursor::Cursor;
use datum::DatumReader;

pub use columns::columns;
pub use evolve::evolved;
pub use plan::AvroPlan;
pub use shape::AvroShape;

/// Converts a value of any schema to text: JSON, or the bare text of a scalar.
pub fn to_text(shape: &AvroShape, value: &[u8]) -> Result<String, Reject> {
    let mut cursor = Cursor::new(value);
    let mut json = String::new();
    DatumReader { shape }.json(shape.root(), &mut cursor, &mut json, 0)?;
    cursor.end()?;
    Ok(serde_json::from_str::<String>(&json).unwrap_or(json))
}

/// Splits a message into the ID of the schema with which it was written and the value itself.
pub fn unframe(message: &[u8]) -> Result<(u32, &[u8]), Reject> {
    match message {
        [0, a, b, c, d, value @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), value)),
        [0, ..] => Err(Reject::new(sqlstate::BAD_BINARY, "the message ends within its schema ID")),
        _ => Err(Reject::new(
            sqlstate::BAD_BINARY,
            "the message does not begin with the zero byte of the schema registry's framing",
        )),
    }
}
