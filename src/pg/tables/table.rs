//! Reading and writing the extension's own tables: index scans, inserts and updates, without SQL and without checks of
//! privileges.

use super::column::VARLENA;
use super::open_relation::{OpenRelation, RelationPointer};
use super::relation::blocks;
use crate::pg::memory::heap;
use crate::pg::server::error::{defect, raise};
use crate::pg::server::lookup::caught;
use crate::pg::values::row::{HasColumns, RowType};
use crate::pg::values::value::{bytes_of, Native, Value};
use pgrx::pg_sys::{self, Datum, Oid, ScanKeyData};
use pgrx::PgSqlErrorCode;
use std::ptr::null_mut;

// PostgreSQL defines these functions with these arguments.
unsafe extern "C-unwind" {
    safe fn GetActiveSnapshot() -> pg_sys::Snapshot;
    safe fn CatalogOpenIndexes(table: RelationPointer) -> pg_sys::CatalogIndexState;
    safe fn CatalogTupleDelete(table: RelationPointer, row: &pg_sys::ItemPointerData);
    safe fn ScanKeyInit(key: &mut ScanKeyData, column: i16, strategy: u16, function: Oid, argument: Datum);
}

/// The built-in comparison functions of index keys.
const INT4_EQ: u32 = pg_sys::F_INT4EQ;
const INT2_EQ: u32 = pg_sys::F_INT2EQ;
const INT8_EQ: u32 = pg_sys::F_INT8EQ;
const INT8_LE: u32 = pg_sys::F_INT8LE;
const INT8_GE: u32 = pg_sys::F_INT8GE;

/// The number of rows that are written together.
const BATCH: usize = 200;

/// The longest tuple that is written in a batch, in bytes; PostgreSQL stores parts of tuples of more than 2032 bytes
/// out of line.
const LONG: u32 = 2000;

/// The most columns of a table of the extension.
const MOST_COLUMNS: usize = 16;

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
struct ColumnCondition {
    column: i16,
    strategy: u32,
    function: u32,
    argument: usize,
}

/// The conditions of a scan.
#[derive(Default)]
pub(super) struct Conditions {
    all: [ColumnCondition; MOST_CONDITIONS],
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
    fn are_like(&self, other: &Conditions) -> bool {
        let same =
            |(a, b): (&ColumnCondition, &ColumnCondition)| (a.column, a.function) == (b.column, b.function);
        self.count == other.count && self.all.iter().zip(&other.all).all(same)
    }
}

/// An open table of the extension.
pub struct Table {
    pub(super) relation: OpenRelation,
    columns: usize,
}

impl Table {
    /// Opens a table with the lock for reading or writing rows, which is kept until the end of the transaction.
    fn open(table: Oid, lock: u32) -> Table {
        let relation = OpenRelation::table(table, lock);
        let table = Table { columns: relation.row_type().count(), relation };
        if table.columns > MOST_COLUMNS {
            defect("a table with more columns than it was made with");
        }
        table
    }

    /// The number of its columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Opens a table to read.
    pub fn read(table: Oid) -> Table {
        Table::open(table, pg_sys::AccessShareLock)
    }

    /// Opens a table to write.
    pub fn write(table: Oid) -> Table {
        Table::open(table, pg_sys::RowExclusiveLock)
    }

    /// Calls `each` for the rows that the snapshot sees, in the order of the index, until it returns false.
    pub fn scan(&self, index: Oid, snapshot: Snapshot, keys: &[ScanKey], mut each: impl FnMut(&Row) -> bool) {
        self.scan_each(index, snapshot, std::iter::once(keys), |_, row| each(row));
    }

    /// Does the same for several keys, which are of the same columns: `each` is told the number of the keys as well, and
    /// ends the rows of these alone. Less work than a scan for each.
    pub fn scan_each<K: AsRef<[ScanKey]>>(
        &self,
        index: Oid,
        snapshot: Snapshot,
        all: impl Iterator<Item = K>,
        mut each: impl FnMut(usize, &Row) -> bool,
    ) {
        let mut all = all.map(|keys| Conditions::of(keys.as_ref()));
        let Some(first) = all.next() else { return };
        let mut keys = first.keys();
        let count = first.count as i32;
        // SAFETY: the index is checked to belong to this table; the snapshot lives as long as the scan; a row is read
        // before the next is fetched. Other conditions differ from the first in arguments alone, which are integers.
        unsafe {
            let index = OpenRelation::index(index, pg_sys::AccessShareLock);
            if (*index.rd_index).indrelid != self.relation.rd_id {
                defect("an index of another table");
            }
            let (relation, snapshot) = (self.relation.pointer(), snapshot.pointer());
            let row_type = self.relation.row_type();
            let scan = pg_sys::systable_beginscan_ordered(
                relation,
                index.pointer(),
                snapshot,
                count,
                keys.as_mut_ptr(),
            );
            for (number, conditions) in std::iter::once(None).chain(all.map(Some)).enumerate() {
                if let Some(conditions) = conditions {
                    if !conditions.are_like(&first) {
                        defect("conditions of another kind");
                    }
                    // The scan knows its columns by their numbers in the index.
                    let known = std::slice::from_raw_parts((*(*scan).iscan).keyData, first.count);
                    for ((key, known), condition) in keys.iter_mut().zip(known).zip(&conditions.all) {
                        *key = *known;
                        key.sk_argument = condition.argument.into();
                    }
                    pg_sys::index_rescan((*scan).iscan, keys.as_mut_ptr(), count, null_mut(), 0);
                }
                loop {
                    heap::check();
                    pgrx::check_for_interrupts!();
                    let tuple =
                        pg_sys::systable_getnext_ordered(scan, pg_sys::ScanDirection::ForwardScanDirection);
                    if tuple.is_null() || !each(number, &Row::new(tuple, row_type)) {
                        break;
                    }
                }
            }
            pg_sys::systable_endscan_ordered(scan);
        }
    }

    /// Calls `each` for the rows that the active snapshot sees, in any order, until it returns false: reads all of the
    /// table, where a row that is gone costs less than by an index.
    pub fn scan_whole(&self, keys: &[ScanKey], mut each: impl FnMut(&Row) -> bool) {
        let conditions = Conditions::of(keys);
        let mut keys = conditions.keys();
        // SAFETY: the snapshot lives as long as the scan; a row is read before the next is fetched.
        unsafe {
            let (count, snapshot) = (conditions.count as i32, Snapshot::Active.pointer());
            let row_type = self.relation.row_type();
            let scan = pg_sys::systable_beginscan(
                self.relation.pointer(),
                Oid::INVALID,
                false,
                snapshot,
                count,
                keys.as_mut_ptr(),
            );
            loop {
                heap::check();
                pgrx::check_for_interrupts!();
                let tuple = pg_sys::systable_getnext(scan);
                if tuple.is_null() || !each(&Row::new(tuple, row_type)) {
                    break;
                }
            }
            pg_sys::systable_endscan(scan);
        }
    }

    /// The number of blocks of the table and of an index.
    pub fn blocks(&self, index: Oid) -> (u32, u32) {
        (blocks(&self.relation), blocks(&OpenRelation::index(index, pg_sys::AccessShareLock)))
    }

    /// Opens its indexes, for many writes.
    pub fn writer(&self) -> Writer<'_> {
        let mut types = [Oid::INVALID; MOST_COLUMNS];
        let (row_type, relation) = (self.relation.row_type(), self.relation.get());
        let indexes = caught(|| CatalogOpenIndexes(relation));
        types.iter_mut().zip(row_type.types()).for_each(|(place, type_oid)| *place = type_oid);
        Writer { table: self, types, indexes }
    }
}

/// An open table and its indexes.
pub struct Writer<'t> {
    table: &'t Table,
    /// The types of its columns.
    types: [Oid; MOST_COLUMNS],
    indexes: pg_sys::CatalogIndexState,
}

impl Writer<'_> {
    /// Adds a row; None is NULL.
    pub fn insert(&self, columns: &[Option<Value>]) {
        self.write(None, columns);
    }

    /// Adds rows, a batch at a time.
    pub fn insert_all<'r>(&self, rows: impl Iterator<Item = Vec<Option<Value>>> + 'r) {
        let mut rows = rows.peekable();
        let Some(first) = rows.next() else { return };
        if rows.peek().is_none() {
            // The usual case, which needs no batch.
            return self.insert(&first);
        }
        let mut rows = std::iter::once(first).chain(rows).peekable();
        let relation = self.table.relation.pointer();
        // SAFETY: each slot holds a tuple made for this table; the slots own the tuples, and are dropped in the end.
        unsafe {
            let mut slots = Vec::new();
            while rows.peek().is_some() {
                let mut count = 0;
                for row in rows.by_ref().take(BATCH) {
                    heap::check();
                    let tuple = self.form(&row);
                    if (*tuple).t_len > LONG {
                        // In a batch, the index entries of a tuple that is stored out of line would point nowhere.
                        pg_sys::CatalogTupleInsertWithInfo(relation, tuple, self.indexes);
                        pg_sys::heap_freetuple(tuple);
                        continue;
                    }
                    if count == slots.len() {
                        slots.push(pg_sys::MakeSingleTupleTableSlot(
                            (*relation).rd_att,
                            &pg_sys::TTSOpsHeapTuple,
                        ));
                    }
                    pg_sys::ExecStoreHeapTuple(tuple, slots[count], true);
                    count += 1;
                }
                if count > 0 {
                    pg_sys::CatalogTuplesMultiInsertWithInfo(
                        relation,
                        slots.as_mut_ptr(),
                        count as i32,
                        self.indexes,
                    );
                }
            }
            slots.into_iter().for_each(|slot| pg_sys::ExecDropSingleTupleTableSlot(slot));
        }
    }

    /// Replaces a row that this transaction alone may change.
    pub fn update(&self, row: pg_sys::ItemPointerData, columns: &[Option<Value>]) {
        self.write(Some(row), columns);
    }

    /// Writes a row, in place of another if there is one.
    fn write(&self, mut before: Option<pg_sys::ItemPointerData>, columns: &[Option<Value>]) {
        let (relation, indexes) = (self.table.relation.pointer(), self.indexes);
        // SAFETY: the relation is open for writing, with its indexes, and the tuple is made for it.
        unsafe {
            let tuple = self.form(columns);
            match &mut before {
                Some(before) => pg_sys::CatalogTupleUpdateWithInfo(relation, before, tuple, indexes),
                None => pg_sys::CatalogTupleInsertWithInfo(relation, tuple, indexes),
            }
            pg_sys::heap_freetuple(tuple);
        }
    }

    /// Removes a row that this transaction alone may change.
    pub fn delete(&self, row: pg_sys::ItemPointerData) {
        let relation = self.table.relation.get();
        caught(|| CatalogTupleDelete(relation, &row));
    }

    /// A tuple of the table.
    fn form(&self, columns: &[Option<Value>]) -> pg_sys::HeapTuple {
        let (mut values, mut nulls) = ([Datum::from(0); MOST_COLUMNS], [true; MOST_COLUMNS]);
        if columns.len() != self.table.columns {
            raise(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "the tables of extension pg_tally are those of another version",
                format!("One of them has {} columns, not {}.", self.table.columns, columns.len()),
                "Update the extension: ALTER EXTENSION pg_tally UPDATE.",
            );
        }
        let places = values.iter_mut().zip(&mut nulls);
        for ((column, type_oid), (datum, null)) in columns.iter().zip(self.types).zip(places) {
            if let Some(value) = column {
                if value.type_oid() != type_oid {
                    defect("a value of another type than its column");
                }
                (*datum, *null) = (value.datum(), false);
            }
        }
        let descriptor = self.table.relation.rd_att;
        // SAFETY: the values are checked to match the table's columns; PostgreSQL copies them.
        unsafe { pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr()) }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: `writer` opened the indexes, and only this closes them.
            unsafe { pg_sys::CatalogCloseIndexes(self.indexes) }
        }
    }
}

/// The rows that a scan sees.
#[derive(Clone, Copy)]
pub enum Snapshot {
    /// The rows that the running query sees.
    Active,
    /// Rows of committed transactions and of this one.
    Latest,
    /// Rows of committed transactions and of this one, including those of the running command.
    Own,
}

impl Snapshot {
    pub(super) fn pointer(self) -> pg_sys::Snapshot {
        match self {
            Snapshot::Active => caught(|| GetActiveSnapshot()),
            Snapshot::Latest => std::ptr::null_mut(),
            Snapshot::Own => &raw mut pg_sys::SnapshotSelfData,
        }
    }
}

/// A row of a scan; valid until the scan moves on.
pub struct Row<'r> {
    id: pg_sys::ItemPointerData,
    row_type: RowType<'r>,
    values: [Datum; MOST_COLUMNS],
    nulls: [bool; MOST_COLUMNS],
}

impl<'r> Row<'r> {
    /// Takes a tuple apart.
    ///
    /// # Safety
    /// The tuple belongs to a table that `open` has opened, the descriptor to the same table; both outlive the row.
    #[inline]
    pub(super) unsafe fn new(tuple: pg_sys::HeapTuple, row_type: RowType<'r>) -> Row<'r> {
        let (mut values, mut nulls) = ([Datum::from(0); MOST_COLUMNS], [true; MOST_COLUMNS]);
        // SAFETY: the caller's tuple matches the descriptor; `open` has checked that there is room for its columns.
        let id = unsafe {
            pg_sys::heap_deform_tuple(tuple, row_type.pointer(), values.as_mut_ptr(), nulls.as_mut_ptr());
            (*tuple).t_self
        };
        Row { id, row_type, values, nulls }
    }

    /// Returns the place of the row in the table.
    pub fn id(&self) -> pg_sys::ItemPointerData {
        self.id
    }

    /// A column by its number, from 1; None if it is NULL.
    fn get(&self, column: i16) -> Option<Datum> {
        self.datum(usize::try_from(column).ok()?.checked_sub(1)?)
    }

    /// An integer column of any width, or a timestamptz; 0 if it is NULL.
    pub fn integer(&self, column: i16) -> i64 {
        self.integer_or_null(column).unwrap_or(0)
    }

    /// An integer column of any width, or a timestamptz; None if it is NULL.
    pub fn integer_or_null(&self, column: i16) -> Option<i64> {
        self.get(column).map(|datum| datum.value() as i64)
    }

    /// A bytea column; None if it is NULL.
    pub fn bytes(&self, column: i16) -> Option<&[u8]> {
        let is_varlena = self.row_type.passing(column as usize - 1)? == (VARLENA, false);
        // SAFETY: the type is checked to be a varlena; the bytes lie in the tuple, since nothing is compressed or out
        // of line in these tables, or are a copy.
        self.get(column).filter(|_| is_varlena).map(|datum| unsafe { bytes_of(datum) })
    }

    /// A text column; None if it is NULL.
    pub fn text(&self, column: i16) -> Option<String> {
        self.native(column)
    }

    /// A column of type text[]; None if it is NULL.
    pub fn texts(&self, column: i16) -> Option<Vec<String>> {
        self.native(column)
    }

    /// A column of type smallint[]; None if it is NULL.
    pub fn smallints(&self, column: i16) -> Option<Vec<i16>> {
        self.native(column)
    }

    /// A column of type oid[]; None if it is NULL.
    pub fn oids(&self, column: i16) -> Option<Vec<Oid>> {
        self.native(column)
    }

    /// A column in its native form; None if it is NULL, or of another type.
    fn native<T: Native>(&self, column: i16) -> Option<T> {
        self.value_at(column as usize - 1)?.native()
    }
}

// SAFETY: the values are those of a row of the table, in which they lie.
unsafe impl HasColumns for Row<'_> {
    fn row_type(&self) -> Option<RowType<'_>> {
        Some(self.row_type)
    }

    fn datum(&self, place: usize) -> Option<Datum> {
        (!*self.nulls.get(place)?).then(|| self.values[place])
    }
}
