//! The framing of PostgreSQL's binary COPY.

/// Header of a binary COPY: signature, no flags, no header extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Trailer of a binary COPY.
pub const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// Begins a row of `fields` fields.
#[inline]
pub fn begin_row(fields: usize, out: &mut Vec<u8>) {
    out.extend((fields as i16).to_be_bytes()); // PostgreSQL has at most 1600 columns
}

/// Appends a field that `encode` writes; returns false if it is longer than PostgreSQL allows.
#[inline]
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

/// Returns the fields of a row, which the functions here have written.
#[inline]
pub fn fields(row: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let (count, mut rest) = row.split_first_chunk().expect("a row begins with the number of its fields");
    (0..i16::from_be_bytes(*count)).map(move |_| {
        let (length, after) = rest.split_first_chunk().expect("a field begins with its length");
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let (field, after) = after.split_at(length.unwrap_or(0));
        rest = after;
        length.map(|_| field)
    })
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
