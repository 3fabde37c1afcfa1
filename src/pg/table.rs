//! Reading and writing the extension's own tables: index scans, inserts, updates, without SQL and without rights.

use super::memory;
use pgrx::pg_sys::{self, Datum, Oid};

/// The built-in comparison functions of index keys.
const INT4_EQ: u32 = pg_sys::F_INT4EQ;
const INT2_EQ: u32 = pg_sys::F_INT2EQ;
const INT8_EQ: u32 = pg_sys::F_INT8EQ;
const INT8_LE: u32 = pg_sys::F_INT8LE;
const INT8_GE: u32 = pg_sys::F_INT8GE;

/// Rows that are written together.
const BATCH: usize = 200;

/// In bytes; PostgreSQL stores parts of a tuple that is longer than 2032 out of line.
const LONG: u32 = 2000;

/// No table of the extension has more.
const MOST_COLUMNS: usize = 16;

/// A condition on an indexed column, given by its number in the table.
#[derive(Clone, Copy)]
pub enum Key {
    /// An integer column equals.
    Integer(i16, i32),
    /// A smallint column equals.
    Small(i16, i16),
    /// A bigint column equals.
    Equal(i16, i64),
    /// A bigint column lies between.
    Between(i16, i64, i64),
}

/// An open table of the extension.
pub struct Table {
    relation: pg_sys::Relation,
    columns: usize,
}

impl Table {
    /// Opens it, with the lock that reading or writing rows takes, kept until the end of the transaction.
    pub fn open(table: Oid, lock: u32) -> Table {
        // SAFETY: raises an error if there is no such table.
        unsafe {
            let relation = pg_sys::table_open(table, lock as pg_sys::LOCKMODE);
            Table { relation, columns: (*(*relation).rd_att).natts as usize }
        }
    }

    /// How many columns it has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// To read.
    pub fn read(table: Oid) -> Table {
        Table::open(table, pg_sys::AccessShareLock)
    }

    /// To write.
    pub fn write(table: Oid) -> Table {
        Table::open(table, pg_sys::RowExclusiveLock)
    }

    /// Calls `each` for the rows that the snapshot sees, in the order of the index, until it says no.
    pub fn scan(&self, index: Oid, snapshot: Snapshot, keys: &[Key], mut each: impl FnMut(&Row) -> bool) {
        let mut conditions = [pg_sys::ScanKeyData::default(); 6];
        let mut count = 0;
        let mut add = |column: i16, strategy: u32, function: u32, argument: Datum| {
            // SAFETY: fills in one of the six conditions.
            unsafe {
                pg_sys::ScanKeyInit(
                    &mut conditions[count],
                    column,
                    strategy as u16,
                    Oid::from(function),
                    argument,
                );
            }
            count += 1;
        };
        for key in keys {
            match *key {
                Key::Integer(column, x) => add(column, pg_sys::BTEqualStrategyNumber, INT4_EQ, x.into()),
                Key::Small(column, x) => add(column, pg_sys::BTEqualStrategyNumber, INT2_EQ, x.into()),
                Key::Equal(column, x) => add(column, pg_sys::BTEqualStrategyNumber, INT8_EQ, x.into()),
                Key::Between(column, first, last) => {
                    add(column, pg_sys::BTGreaterEqualStrategyNumber, INT8_GE, first.into());
                    add(column, pg_sys::BTLessEqualStrategyNumber, INT8_LE, last.into());
                }
            }
        }
        // SAFETY: the index is one of this table; the snapshot lives as long as the scan; a row is read before the next.
        unsafe {
            let index = pg_sys::index_open(index, pg_sys::AccessShareLock as i32);
            let scan = pg_sys::systable_beginscan_ordered(
                self.relation,
                index,
                snapshot.pointer(),
                count as i32,
                conditions.as_mut_ptr(),
            );
            loop {
                memory::check();
                pgrx::check_for_interrupts!();
                let tuple =
                    pg_sys::systable_getnext_ordered(scan, pg_sys::ScanDirection::ForwardScanDirection);
                if tuple.is_null() || !each(&Row::new(tuple, (*self.relation).rd_att)) {
                    break;
                }
            }
            pg_sys::systable_endscan_ordered(scan);
            pg_sys::index_close(index, pg_sys::AccessShareLock as i32);
        }
    }

    /// Opens it with its indexes, for many writes.
    pub fn writer(&self) -> Writer<'_> {
        // SAFETY: the relation is open.
        Writer { table: self, indexes: unsafe { pg_sys::CatalogOpenIndexes(self.relation) } }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // After an error PostgreSQL closes it.
        if !std::thread::panicking() {
            // SAFETY: it was opened here; the lock stays.
            unsafe { pg_sys::table_close(self.relation, pg_sys::NoLock as i32) }
        }
    }
}

/// An open table and its indexes.
pub struct Writer<'t> {
    table: &'t Table,
    indexes: pg_sys::CatalogIndexState,
}

impl Writer<'_> {
    /// Adds a row; None is NULL.
    pub fn insert(&self, columns: &[Option<Datum>]) {
        // SAFETY: the tuple is made for this table.
        unsafe {
            let tuple = self.form(columns);
            pg_sys::CatalogTupleInsertWithInfo(self.table.relation, tuple, self.indexes);
            pg_sys::heap_freetuple(tuple);
        }
    }

    /// Adds rows, a batch at a time.
    pub fn insert_all<'r>(&self, rows: impl Iterator<Item = Vec<Option<Datum>>> + 'r) {
        let mut rows = rows.peekable();
        let Some(first) = rows.next() else { return };
        if rows.peek().is_none() {
            // The usual case: no need of a batch.
            return self.insert(&first);
        }
        let mut rows = std::iter::once(first).chain(rows).peekable();
        // SAFETY: each slot holds a tuple made for this table; the slots, which own the tuples, are dropped.
        unsafe {
            let mut slots = Vec::new();
            while rows.peek().is_some() {
                let mut count = 0;
                for row in rows.by_ref().take(BATCH) {
                    memory::check();
                    let tuple = self.form(&row);
                    if (*tuple).t_len > LONG {
                        // In a batch the index entries of a tuple that is stored out of line would point nowhere.
                        pg_sys::CatalogTupleInsertWithInfo(self.table.relation, tuple, self.indexes);
                        pg_sys::heap_freetuple(tuple);
                        continue;
                    }
                    if count == slots.len() {
                        slots.push(pg_sys::MakeSingleTupleTableSlot(
                            (*self.table.relation).rd_att,
                            &pg_sys::TTSOpsHeapTuple,
                        ));
                    }
                    pg_sys::ExecStoreHeapTuple(tuple, slots[count], true);
                    count += 1;
                }
                if count > 0 {
                    pg_sys::CatalogTuplesMultiInsertWithInfo(
                        self.table.relation,
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
    pub fn update(&self, row: pg_sys::ItemPointerData, columns: &[Option<Datum>]) {
        let mut row = row;
        // SAFETY: as above.
        unsafe {
            let tuple = self.form(columns);
            pg_sys::CatalogTupleUpdateWithInfo(self.table.relation, &mut row, tuple, self.indexes);
            pg_sys::heap_freetuple(tuple);
        }
    }

    /// Removes a row that this transaction alone may change.
    pub fn delete(&self, row: pg_sys::ItemPointerData) {
        let mut row = row;
        // SAFETY: the relation is open for writing.
        unsafe { pg_sys::CatalogTupleDelete(self.table.relation, &mut row) }
    }

    unsafe fn form(&self, columns: &[Option<Datum>]) -> pg_sys::HeapTuple {
        assert_eq!(columns.len(), self.table.columns);
        let (mut values, mut nulls) = ([Datum::from(0); MOST_COLUMNS], [true; MOST_COLUMNS]);
        for (place, datum) in columns.iter().enumerate() {
            if let Some(datum) = *datum {
                (values[place], nulls[place]) = (datum, false);
            }
        }
        // SAFETY: as many values as the table has columns; PostgreSQL copies them.
        unsafe {
            pg_sys::heap_form_tuple((*self.table.relation).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr())
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: opened by `writer`.
            unsafe { pg_sys::CatalogCloseIndexes(self.indexes) }
        }
    }
}

/// Which rows are seen.
#[derive(Clone, Copy)]
pub enum Snapshot {
    /// Those of the running query.
    Active,
    /// Those of transactions that have committed by now, and our own.
    Latest,
    /// The same, and also what our own running command did.
    Own,
}

impl Snapshot {
    fn pointer(self) -> pg_sys::Snapshot {
        // SAFETY: snapshots of PostgreSQL's keeping.
        unsafe {
            match self {
                Snapshot::Active => pg_sys::GetActiveSnapshot(),
                Snapshot::Latest => std::ptr::null_mut(),
                Snapshot::Own => &raw mut pg_sys::SnapshotSelfData,
            }
        }
    }
}

/// A row of a scan; only as long as the scan stands on it.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    values: [Datum; MOST_COLUMNS],
    nulls: [bool; MOST_COLUMNS],
}

impl Row {
    unsafe fn new(tuple: pg_sys::HeapTuple, descriptor: pg_sys::TupleDesc) -> Row {
        let (mut values, mut nulls) = ([Datum::from(0); MOST_COLUMNS], [true; MOST_COLUMNS]);
        // SAFETY: there is room for the columns.
        unsafe {
            assert!((*descriptor).natts as usize <= MOST_COLUMNS);
            pg_sys::heap_deform_tuple(tuple, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
        }
        Row { tuple, values, nulls }
    }

    /// Where the row is.
    pub fn id(&self) -> pg_sys::ItemPointerData {
        // SAFETY: the scan stands on the tuple.
        unsafe { (*self.tuple).t_self }
    }

    /// A column by its number, from 1; None if it is NULL.
    pub fn get(&self, column: i16) -> Option<Datum> {
        let i = column as usize - 1;
        (!self.nulls[i]).then_some(self.values[i])
    }

    /// An integer column of any width that is not NULL.
    pub fn integer(&self, column: i16) -> i64 {
        self.get(column).map_or(0, |datum| datum.value() as i64)
    }

    /// A bytea column; None if it is NULL.
    pub fn bytes(&self, column: i16) -> Option<&[u8]> {
        // SAFETY: a varlena inside the tuple, never compressed or out of line in these tables, or a copy.
        self.get(column).map(|datum| unsafe { bytes_of(datum) })
    }
}

/// The bytes of a varlena datum.
///
/// # Safety
/// The datum is a varlena that outlives the result.
pub unsafe fn bytes_of<'a>(datum: Datum) -> &'a [u8] {
    // SAFETY: the caller's.
    unsafe { pgrx::varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr())) }
}

/// A bytea in the current memory context.
pub fn bytea(bytes: &[u8]) -> Datum {
    // SAFETY: room for the header and the bytes.
    unsafe {
        let length = pg_sys::VARHDRSZ + bytes.len();
        let copy = pg_sys::palloc(length).cast::<pg_sys::varlena>();
        pgrx::set_varsize_4b(copy, length as i32);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy.cast::<u8>().add(pg_sys::VARHDRSZ), bytes.len());
        Datum::from(copy)
    }
}
