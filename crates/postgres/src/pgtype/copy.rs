//! The framing of PostgreSQL's binary COPY.

/// Header of a binary COPY: signature, no flags, no header extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Trailer of a binary COPY.
pub const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// Begins a row of `fields` fields.
pub fn begin_row(fields: usize, out: &mut Vec<u8>) {
    out.extend((fields as i16).to_be_bytes()); // PostgreSQL has at most 1600 columns
}

/// Appends a field that `encode` writes; returns false if it is longer than PostgreSQL allows.
pub fn append_encoded<E>(
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<bool, E> {
    let at = out.len();
    out.extend([0; 4]);
    encode(out)?;
    let Ok(length) = i32::try_from(out.len() - at - 4) else { return Ok(false) };
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(true)
}

/// Appends a field, or NULL.
pub fn append_field(field: Option<&[u8]>, out: &mut Vec<u8>) {
    match field {
        Some(bytes) => {
            out.extend((bytes.len() as i32).to_be_bytes()); // Kafka's messages are shorter than 2 GiB
            out.extend(bytes);
        }
        None => out.extend((-1i32).to_be_bytes()),
    }
}
