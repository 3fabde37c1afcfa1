//! The fields of a row of binary COPY.

/// Returns the fields of a row, which the encoders of this program have written.
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

/// Appends the fields that `places` lists, in this order; none stands for NULL.
pub fn rearrange(row: &[u8], places: &[Option<usize>], out: &mut Vec<u8>) {
    use tally_postgres::pgtype::copy::{append_field, begin_row};
    let fields: Vec<Option<&[u8]>> = fields(row).collect();
    begin_row(places.len(), out);
    places.iter().for_each(|place| append_field(place.and_then(|place| fields[place]), out));
}
