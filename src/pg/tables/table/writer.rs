//! Writing rows.

use super::{Table, MOST_COLUMNS};
use crate::pg::memory::heap;
use crate::pg::server::error::{defect, raise};
use crate::pg::server::lookup::caught;
use crate::pg::tables::open_relation::RelationPointer;
use crate::pg::values::value::Value;
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;

// PostgreSQL defines these functions with these arguments.
unsafe extern "C-unwind" {
    safe fn CatalogOpenIndexes(table: RelationPointer) -> pg_sys::CatalogIndexState;
    safe fn CatalogTupleDelete(table: RelationPointer, row: &pg_sys::ItemPointerData);
}

/// The number of rows that are written together.
const BATCH: usize = 200;

/// The longest tuple that is written in a batch, in bytes; PostgreSQL stores parts of tuples of more than 2032 bytes
/// out of line.
const LONG: u32 = 2000;

impl Table {
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
