//! Proofs that a copy is the original: a hash of its rows in any order, and the tallies of its numbers.

use std::collections::BTreeMap;

use siphasher::sip128::SipHasher13;
use tally_postgres::pgtype::{copy::fields, numeric};
use tally_stats::{split_decimal, split_integer, split_short, Tally};
use tokio_postgres::types::Type;

use crate::table::{SourceColumn, SourceTable};

/// A sum over rows that does not depend on their order.
#[derive(Debug, Clone)]
pub struct RowsHash {
    hasher: SipHasher13,
    sum: u128,
    /// Number of rows.
    pub rows: u64,
}

impl RowsHash {
    /// Creates the hash of no rows; nobody who does not know the key can find rows of the same hash.
    pub fn new(key: [u8; 16]) -> Self {
        Self { hasher: SipHasher13::new_with_key(&key), sum: 0, rows: 0 }
    }

    /// Adds a row of binary COPY.
    pub fn add(&mut self, row: &[u8]) {
        self.sum = self.sum.wrapping_add(self.hasher.hash(row).as_u128());
        self.rows += 1;
    }

    /// Adds the rows of another hash of the same key.
    pub fn merge(&mut self, other: &Self) {
        self.sum = self.sum.wrapping_add(other.sum);
        self.rows += other.rows;
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
    /// For each column of the table, its tally if it is one of these.
    tallies: Vec<Option<Tally>>,
}

impl<'a> RunningTallies<'a> {
    /// Begins the tallies of the columns that PostgreSQL has tallied.
    pub fn like(table: &'a SourceTable, others: &Tallies) -> Self {
        let empty = |column: &SourceColumn| others.contains_key(&column.name).then_some(Tally::EMPTY);
        Self { table, tallies: table.columns.iter().map(empty).collect() }
    }

    /// Adds a row of binary COPY.
    pub fn add(&mut self, row: &[u8]) -> Result<(), String> {
        for ((column, tally), value) in self.table.columns.iter().zip(&mut self.tallies).zip(fields(row)) {
            if let (Some(value), Some(tally)) = (value, tally) {
                observe(&column.kind, value, tally)
                    .ok_or_else(|| format!("column {:?}: value is not of the column's type", column.name))?;
            }
        }
        Ok(())
    }

    /// Adds the rows of other tallies of the same columns.
    pub fn merge(&mut self, other: &Self) {
        for pair in self.tallies.iter_mut().zip(&other.tallies) {
            if let (Some(tally), Some(other)) = pair {
                tally.merge(other);
            }
        }
    }

    /// Returns the first column whose tally is not PostgreSQL's.
    pub fn difference(&self, others: &Tallies) -> Option<&str> {
        let differs = |(column, tally): (&SourceColumn, &Option<Tally>)| {
            let other = others.get(&column.name).map(|text| text.parse::<Tally>());
            match (tally, other) {
                (Some(tally), Some(Ok(other))) => !tally.agrees_with(&other),
                (None, None) => false,
                _ => true,
            }
        };
        let mut columns = self.table.columns.iter().zip(&self.tallies);
        columns.find(|pair| differs(*pair)).map(|(column, _)| column.name.as_str())
    }
}

fn observe(kind: &Type, value: &[u8], tally: &mut Tally) -> Option<()> {
    match *kind {
        Type::INT2 => observe_integer(i16::from_be_bytes(value.try_into().ok()?).into(), tally),
        Type::INT4 => observe_integer(i32::from_be_bytes(value.try_into().ok()?).into(), tally),
        Type::INT8 => observe_integer(i64::from_be_bytes(value.try_into().ok()?), tally),
        Type::FLOAT4 => tally.observe(f32::from_be_bytes(value.try_into().ok()?).into()),
        Type::FLOAT8 => tally.observe(f64::from_be_bytes(value.try_into().ok()?)),
        _ => {
            let short = numeric::short(value).and_then(|(number, scale)| split_short(number, scale.into()));
            let (hi, lo) = short.or_else(|| split_decimal(&numeric::text(value)))?;
            tally.observe_wide(hi, lo);
        }
    }
    Some(())
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

    #[test]
    fn parts_are_as_good_as_the_whole() {
        let (mut hash_of_parts, mut part) = (RowsHash::new([1; 16]), RowsHash::new([1; 16]));
        hash_of_parts.add(b"a");
        [b"b", b"c"].iter().for_each(|row| part.add(*row));
        hash_of_parts.merge(&part);
        assert_eq!((hash_of_parts.text(), hash_of_parts.rows), hash(1, &[b"a", b"b", b"c"]));
    }
}
