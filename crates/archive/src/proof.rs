//! Proofs that a copy is the original: a hash of its rows in any order, and the tallies of its numbers.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tally_postgres::pgtype::{copy::fields, numeric};
use tally_stats::{split_decimal, split_integer, Tally};
use tokio_postgres::types::Type;

use crate::table::SourceTable;

/// A sum over rows that does not depend on their order.
#[derive(Debug, Clone)]
pub struct RowsHash {
    key: [u8; 16],
    sum: u128,
    /// Number of rows.
    pub rows: u64,
}

impl RowsHash {
    /// Creates the hash of no rows; nobody who does not know the key can find rows of the same hash.
    pub fn new(key: [u8; 16]) -> Self {
        Self { key, sum: 0, rows: 0 }
    }

    /// Adds a row of binary COPY.
    pub fn add(&mut self, row: &[u8]) {
        let digest = Sha256::new().chain_update(self.key).chain_update(row).finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(half));
        self.rows += 1;
    }

    /// Returns the hash in hexadecimal digits.
    pub fn text(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

/// Tallies of columns by their names, as text, which has every bit of them.
pub type Tallies = BTreeMap<String, String>;

/// The tallies of columns while rows are added.
pub struct RunningTallies<'a> {
    table: &'a SourceTable,
    tallies: BTreeMap<String, Tally>,
}

impl<'a> RunningTallies<'a> {
    /// Begins the tallies of these columns.
    pub fn new(table: &'a SourceTable, names: impl IntoIterator<Item = String>) -> Self {
        Self { table, tallies: names.into_iter().map(|name| (name, Tally::EMPTY)).collect() }
    }

    /// Adds a row of binary COPY.
    pub fn add(&mut self, row: &[u8]) -> Result<(), String> {
        observe(self.table, row, &mut self.tallies)
    }

    /// Returns the texts that PostgreSQL has for them.
    pub fn finish(self) -> Result<Tallies, String> {
        let text = |(name, tally): (String, Tally)| match Tally::from_bytes(&tally.to_bytes()) {
            Ok(canonical) => Ok((name, canonical.to_string())),
            Err(_) => Err(format!("column {name:?}: no numbers have such a tally")),
        };
        self.tallies.into_iter().map(text).collect()
    }
}

fn observe(table: &SourceTable, row: &[u8], tallies: &mut BTreeMap<String, Tally>) -> Result<(), String> {
    for (column, value) in table.columns.iter().zip(fields(row)) {
        let (Some(value), Some(tally)) = (value, tallies.get_mut(&column.name)) else { continue };
        let wrong = || format!("column {:?}: value is not of the column's type", column.name);
        match column.kind {
            Type::INT2 => {
                observe_integer(i16::from_be_bytes(value.try_into().map_err(|_| wrong())?).into(), tally)
            }
            Type::INT4 => {
                observe_integer(i32::from_be_bytes(value.try_into().map_err(|_| wrong())?).into(), tally)
            }
            Type::INT8 => observe_integer(i64::from_be_bytes(value.try_into().map_err(|_| wrong())?), tally),
            Type::FLOAT4 => tally.observe(f32::from_be_bytes(value.try_into().map_err(|_| wrong())?).into()),
            Type::FLOAT8 => tally.observe(f64::from_be_bytes(value.try_into().map_err(|_| wrong())?)),
            _ => {
                let (hi, lo) = split_decimal(&numeric::text(value)).ok_or_else(wrong)?;
                tally.observe_wide(hi, lo);
            }
        }
    }
    Ok(())
}

fn observe_integer(value: i64, tally: &mut Tally) {
    let (hi, lo) = split_integer(value);
    tally.observe_wide(hi, lo);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: u8, rows: &[&[u8]]) -> (String, u64) {
        let mut hash = RowsHash::new([key; 16]);
        rows.iter().for_each(|row| hash.add(row));
        (hash.text(), hash.rows)
    }

    #[test]
    fn order_does_not_matter_but_rows_and_key_do() {
        assert_eq!(hash(1, &[b"a", b"b", b"b"]), hash(1, &[b"b", b"a", b"b"]));
        assert_ne!(hash(1, &[b"a", b"b"]), hash(1, &[b"a", b"b", b"b"]));
        assert_ne!(hash(1, &[b"a"]), hash(2, &[b"a"]));
        assert_ne!(hash(1, &[b"a", b"a"]).0, hash(1, &[b"b", b"b"]).0);
    }
}
