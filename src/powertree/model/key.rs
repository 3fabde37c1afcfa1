//! The key of a series: the bytes of its columns, one after the other.
//!
//! Only types whose equal values have equal bytes can be in a key, so that keys are equal exactly if their bytes are.
//! The bytes are those of PostgreSQL's own storage.

use crate::pg::server::error::defect;
use crate::pg::tables::column::{equal_values_have_equal_bytes, passing_of, Column, VARLENA};
use crate::pg::values::builtin::PADDED;
use crate::pg::values::value::{copied_bytes, StoredValue, Value};
use crate::powertree::store::tables::damaged;
use pgrx::pg_sys::{self, Datum};

/// A column of the key.
#[derive(Clone, Debug)]
pub struct KeyColumn {
    pub column: Column,
    length: i16,
    by_value: bool,
    /// Whether the type is character(n), whose trailing spaces do not count.
    is_padded: bool,
}

impl KeyColumn {
    /// Prepares a column for the key; None if equal values of its type may differ in their bytes, as 1.0 and 1.00 do,
    /// or if the type has no order.
    pub fn of(column: Column) -> Option<KeyColumn> {
        let is_padded = column.type_oid == pg_sys::BPCHAROID;
        // Without trailing spaces it is like text.
        let compared = if is_padded { pg_sys::TEXTOID } else { column.type_oid };
        let comparable = equal_values_have_equal_bytes(compared, column.collation);
        let (length, by_value) = passing_of(column.type_oid);
        (comparable && length != -2).then_some(KeyColumn { column, length, by_value, is_padded })
    }

    /// Whether the values that the table stores follow from the key: without a length, nobody knows how many spaces are behind them.
    pub fn is_restored(&self) -> bool {
        !self.is_padded || self.column.typmod >= 0
    }

    /// Appends a value that is not NULL.
    pub fn encode(&self, value: StoredValue, bytes: &mut Vec<u8>) {
        if value.length() != self.length {
            defect("a value of another length than the key's");
        }
        if let Some(word) = value.word() {
            return bytes.extend(&word.to_le_bytes()[..self.length as usize]);
        }
        value.read(|mut value| {
            if self.length == VARLENA {
                while self.is_padded && value.last() == Some(&b' ') {
                    value = &value[..value.len() - 1];
                }
                bytes.extend((value.len() as u32).to_le_bytes());
            }
            bytes.extend(value);
        });
    }

    /// Takes a value off the front of `bytes`, as a copy in the current memory context.
    fn decode(&self, bytes: &mut &[u8]) -> Option<Value> {
        let mut take = |length: usize| {
            let (taken, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Some(taken)
        };
        let datum = if self.by_value {
            let mut whole = [0; 8];
            whole.get_mut(..self.length as usize)?.copy_from_slice(take(self.length as usize)?);
            let word = u64::from_le_bytes(whole);
            // Sign-extended, as PostgreSQL stores it.
            let unused = 64 - 8 * self.length as u32;
            Datum::from((word << unused) as i64 >> unused)
        } else if self.length > 0 {
            copied_bytes(take(self.length as usize)?)
        } else {
            let length = u32::from_le_bytes(take(4)?.try_into().ok()?);
            Value::from(take(length as usize)?).datum()
        };
        // SAFETY: the bytes are those that `encode` made of a value of the column's type.
        Some(unsafe { Value::new(self.column.type_oid, datum) })
    }

    /// The value that a text stands for, as if it were stored in the column.
    pub fn parse(&self, text: &str) -> Value {
        Value::parse(self.column.type_oid, self.column.typmod, text)
    }

    /// Appends a value that this column has parsed.
    pub fn encode_parsed(&self, value: Value, bytes: &mut Vec<u8>) {
        if value.type_oid() != self.column.type_oid {
            defect("a value of another type than the key's");
        }
        self.encode(value.stored(), bytes);
    }
}

/// The values of a key.
pub fn decode(columns: &[KeyColumn], mut bytes: &[u8]) -> Vec<Value> {
    columns.iter().map(|column| column.decode(&mut bytes).unwrap_or_else(|| damaged("keys"))).collect()
}

/// The values of a key as the table stores them: character(n) has spaces behind it there.
pub fn stored(columns: &[KeyColumn], bytes: &[u8]) -> Vec<Value> {
    let stored = |(column, value): (&KeyColumn, Value)| {
        let typmod = column.column.typmod;
        if !column.is_padded || typmod < 0 {
            return value;
        }
        let (length, is_explicit) = (Value::from(typmod), Value::from(true));
        PADDED.call([value.lent(), length.lent(), is_explicit.lent()])
    };
    columns.iter().zip(decode(columns, bytes)).map(stored).collect()
}

/// The values of a key, as text.
pub fn texts(columns: &[KeyColumn], bytes: &[u8]) -> Vec<String> {
    decode(columns, bytes).into_iter().map(Value::to_text).collect()
}

/// The error that two keys have the same hash, which happens for one in 10^19 pairs: their nodes cannot be told apart.
pub struct SameHash;

/// The hash of a key: 64-bit FNV-1a, mixed. Hashes are stored, so this must never change.
pub fn hash(key: &[u8]) -> i64 {
    let fnv = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ fnv >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29) as i64
}
