//! The order of rows in an object: by the values of some columns, as Parquet compares them.

use bytes::Bytes;
use tally_postgres::pgtype::{copy::fields, numeric};

use crate::form::Form;
use crate::rows::Rows;
use crate::table::SourceTable;

/// First byte of the key of a value; that of NULL, which comes last.
const VALUE: u8 = 1;
const NULL: u8 = 2;

/// Rows in the order of the table's objects, each with a key that compares as the rows do.
pub struct SortedRows<'r> {
    rows: &'r Rows,
    keys: Vec<u8>,
    ends: Vec<usize>,
    order: Vec<(u128, usize)>,
}

impl<'r> SortedRows<'r> {
    /// Sorts rows; those of equal keys stay as they are.
    pub fn new(table: &SourceTable, rows: &'r Rows) -> Self {
        let places = table.sorting();
        let (mut keys, mut ends) = (Vec::new(), Vec::with_capacity(rows.len()));
        let mut order = Vec::with_capacity(rows.len());
        for (at, (_, row)) in rows.iter().enumerate() {
            let from = keys.len();
            for place in &places {
                append_key(table.columns[*place].form, fields(row).nth(*place).flatten(), &mut keys);
            }
            order.push((beginning(&keys[from..]), at));
            ends.push(keys.len());
        }
        let mut sorted = Self { rows, keys, ends, order: Vec::new() };
        order.sort_by(|(a, a_at), (b, b_at)| a.cmp(b).then_with(|| sorted.key(*a_at).cmp(sorted.key(*b_at))));
        sorted.order = order;
        sorted
    }

    fn key(&self, at: usize) -> &[u8] {
        &self.keys[at.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[at]]
    }

    /// Returns the rows, each after the bytes that it is a part of.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &[u8])> {
        self.order.iter().map(|(_, at)| self.rows.row(*at))
    }

    /// Returns the rows, each after its key.
    pub fn with_keys(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.order.iter().map(|(_, at)| (self.key(*at), self.rows.row(*at).1))
    }
}

/// Returns the first bytes of a key as a number, in which most keys differ.
pub fn beginning(key: &[u8]) -> u128 {
    let mut begin = [0; 16];
    let length = begin.len().min(key.len());
    begin[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(begin)
}

/// Appends bytes that compare as values of a form do.
fn append_key(form: Form, value: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(value) = value else {
        out.push(NULL);
        return;
    };
    out.push(VALUE);
    match form {
        // The sign bit, with which negative numbers come first.
        Form::Smallint | Form::Integer | Form::Bigint | Form::Date | Form::Time | Form::Timestamp { .. } => {
            out.extend(value.iter().enumerate().map(|(at, byte)| if at == 0 { byte ^ 0x80 } else { *byte }));
        }
        Form::Real | Form::Double => {
            let is_negative = value.first().is_some_and(|byte| byte & 0x80 != 0);
            let flip = |(at, byte): (usize, &u8)| match (is_negative, at) {
                (true, _) => !byte,
                (false, 0) => byte ^ 0x80,
                (false, _) => *byte,
            };
            out.extend(value.iter().enumerate().map(flip));
        }
        Form::Decimal { scale, .. } => {
            let number = numeric::unscaled(value, scale).unwrap_or(i128::MAX);
            out.extend((number ^ i128::MIN).to_be_bytes());
        }
        Form::NumberText => append_bytes(numeric::text(value).as_bytes(), out),
        Form::Boolean | Form::Uuid => out.extend(value),
        Form::Text | Form::Json | Form::Jsonb | Form::Binary => append_bytes(value, out),
    }
}

/// Appends bytes, so that they come before those that they are the beginning of; a byte 0 among them is more than their end.
fn append_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for (at, part) in bytes.split(|byte| *byte == 0).enumerate() {
        if at > 0 {
            out.extend([0, 0xff]);
        }
        out.extend(part);
    }
    out.extend([0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(form: Form, value: Option<&[u8]>) -> Vec<u8> {
        let mut key = Vec::new();
        append_key(form, value, &mut key);
        key
    }

    fn assert_sorted(form: Form, values: &[Vec<u8>]) {
        // Another column follows.
        let keys: Vec<_> =
            values.iter().map(|value| [key(form, Some(value)), vec![VALUE]].concat()).collect();
        assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]), "{form:?}");
        assert!(keys.iter().all(|one| *one < key(form, None)), "{form:?}");
    }

    #[test]
    fn keys_compare_as_values_do() {
        let of = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_sorted(Form::Text, &of(&["", "A", "AB", "B", "a", "ä"]));
        assert_sorted(
            Form::Binary,
            &[&[][..], &[0], &[0, 0], &[0, 1], &[1], &[1, 0], &[1, 0, 255], &[255]].map(<[u8]>::to_vec),
        );
        let integers = [i32::MIN, -1, 0, 1, i32::MAX].map(|n| n.to_be_bytes().to_vec());
        assert_sorted(Form::Integer, &integers);
        let doubles = [f64::NEG_INFINITY, -1.5, -1.0, -1e-300, 0.0, 1e-300, 2.0, f64::INFINITY];
        assert_sorted(Form::Double, &doubles.map(|x| x.to_be_bytes().to_vec()));
        let decimals = ["-100.00", "-0.01", "0.00", "0.01", "99.99"].map(|text| {
            let mut value = Vec::new();
            assert!(numeric::encode(text, &mut value).is_ok());
            value
        });
        assert_sorted(Form::Decimal { precision: 10, scale: 2 }, &decimals);
    }
}
