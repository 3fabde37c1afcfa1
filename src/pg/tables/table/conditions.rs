//! Conditions of a scan.

use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use pgrx::pg_sys::{self, Datum, Oid, ScanKeyData};

// PostgreSQL defines this function so.
unsafe extern "C-unwind" {
    safe fn ScanKeyInit(key: &mut ScanKeyData, column: i16, strategy: u16, function: Oid, argument: Datum);
}

/// The built-in comparison functions of index keys.
const INT4_EQ: u32 = pg_sys::F_INT4EQ;
const INT2_EQ: u32 = pg_sys::F_INT2EQ;
const INT8_EQ: u32 = pg_sys::F_INT8EQ;
const INT8_LE: u32 = pg_sys::F_INT8LE;
const INT8_GE: u32 = pg_sys::F_INT8GE;

/// The most conditions of a scan.
const MOST_CONDITIONS: usize = 6;

/// A condition on an indexed column, given by its number in the table.
#[derive(Clone, Copy)]
pub enum ScanKey {
    /// An integer column equals this.
    Integer(i16, i32),
    /// A smallint column equals this.
    Small(i16, i16),
    /// A bigint column equals this.
    Equal(i16, i64),
    /// A bigint column lies between these, both included.
    Between(i16, i64, i64),
}

/// A comparison of a column with an argument.
#[derive(Clone, Copy, Default)]
pub(super) struct ColumnCondition {
    column: i16,
    strategy: u32,
    function: u32,
    pub(super) argument: usize,
}

/// The conditions of a scan.
#[derive(Default)]
pub struct Conditions {
    pub(super) all: [ColumnCondition; MOST_CONDITIONS],
    pub count: usize,
}

impl Conditions {
    pub fn of(keys: &[ScanKey]) -> Conditions {
        use pg_sys::{
            BTEqualStrategyNumber as EQUAL, BTGreaterEqualStrategyNumber, BTLessEqualStrategyNumber,
        };
        let mut conditions = Conditions::default();
        for key in keys {
            match *key {
                ScanKey::Integer(column, x) => conditions.add(column, EQUAL, INT4_EQ, x.into()),
                ScanKey::Small(column, x) => conditions.add(column, EQUAL, INT2_EQ, x.into()),
                ScanKey::Equal(column, x) => conditions.add(column, EQUAL, INT8_EQ, x.into()),
                ScanKey::Between(column, first, last) => {
                    conditions.add(column, BTGreaterEqualStrategyNumber, INT8_GE, first.into());
                    conditions.add(column, BTLessEqualStrategyNumber, INT8_LE, last.into());
                }
            }
        }
        conditions
    }

    fn add(&mut self, column: i16, strategy: u32, function: u32, argument: Datum) {
        let Some(place) = self.all.get_mut(self.count) else { defect("too many conditions") };
        *place = ColumnCondition { column, strategy, function, argument: argument.value() };
        self.count += 1;
    }

    /// The form in which a scan takes them.
    pub fn keys(&self) -> [ScanKeyData; MOST_CONDITIONS] {
        let mut keys = [ScanKeyData::default(); MOST_CONDITIONS];
        for (key, condition) in keys.iter_mut().zip(&self.all[..self.count]) {
            let ColumnCondition { column, strategy, function, argument } = *condition;
            *key = caught(|| {
                let mut key = ScanKeyData::default();
                ScanKeyInit(&mut key, column, strategy as u16, Oid::from(function), argument.into());
                key
            });
        }
        keys
    }

    /// Whether they differ from others in their arguments alone.
    pub(super) fn are_like(&self, other: &Conditions) -> bool {
        let same =
            |(a, b): (&ColumnCondition, &ColumnCondition)| (a.column, a.function) == (b.column, b.function);
        self.count == other.count && self.all.iter().zip(&other.all).all(same)
    }
}
