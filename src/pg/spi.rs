//! Prepared queries, run in the active snapshot.

use super::ctext::CText;
use super::error::{defect, raise};
use super::fence;
use super::lookup::caught;
use super::memory;
use super::name::{c_string, text};
use super::passing::{passing, type_at};
use super::value::{LentValue, StoredValue, Value};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;
use std::cell::Cell;

// PostgreSQL defines these functions with these arguments, and returns a code where SPI is not connected.
unsafe extern "C-unwind" {
    safe fn SPI_connect_ext(options: i32) -> i32;
    safe fn SPI_finish() -> i32;
    safe fn SPI_execute(sql: CText, read_only: bool, most: i64) -> i32;
}

thread_local! {
    /// Whether a query of this extension is being planned or run.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether a query of this extension is being planned or run.
pub fn is_inside() -> bool {
    INSIDE.get()
}

/// A guard: while it lives, queries count as those of this extension. An error drops it too.
struct Inside(bool);

impl Inside {
    fn enter() -> Inside {
        Inside(INSIDE.replace(true))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// A prepared query that outlives the transaction.
pub struct Plan {
    plan: pg_sys::SPIPlanPtr,
    /// The types of its arguments.
    types: Vec<Oid>,
}

impl Plan {
    /// Prepares a query; `options` are cursor options. SPI is connected.
    pub fn prepare(sql: &str, mut types: Vec<Oid>, options: u32) -> Plan {
        let _inside = Inside::enter();
        let sql = c_string(sql);
        // SAFETY: there are as many types as arguments; the plan is kept until it is dropped.
        unsafe {
            let plan = pg_sys::SPI_prepare_cursor(
                sql.as_ptr(),
                types.len() as i32,
                types.as_mut_ptr(),
                options as i32,
            );
            if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
                unexpected(pg_sys::SPI_result);
            }
            Plan { plan, types }
        }
    }

    /// Runs the query in the active snapshot, and calls `each` with each row. SPI is connected.
    pub fn run(&self, arguments: &[Value], mut each: impl FnMut(&SpiRow)) {
        let _inside = Inside::enter();
        let mut arguments = self.checked(arguments);
        // SAFETY: the arguments are checked to match the query; rows are read before their table is freed.
        unsafe {
            let plan = self.plan;
            let result = pg_sys::SPI_execute_plan(plan, arguments.as_mut_ptr(), std::ptr::null(), true, 0);
            if result != pg_sys::SPI_OK_SELECT as i32 {
                unexpected(result);
            }
            rows(&mut each);
        }
    }

    /// Runs a query whose result may be too large for memory, until `each` returns false. SPI is connected.
    pub fn run_large(&self, arguments: &[Value], mut each: impl FnMut(&SpiRow) -> bool) {
        let _inside = Inside::enter();
        let mut arguments = self.checked(arguments);
        // SAFETY: the arguments are checked to match the query; rows are read before the next are fetched.
        unsafe {
            let portal = pg_sys::SPI_cursor_open(
                std::ptr::null(),
                self.plan,
                arguments.as_mut_ptr(),
                std::ptr::null(),
                true,
            );
            let mut goes_on = true;
            while goes_on {
                pg_sys::SPI_cursor_fetch(portal, true, 1000);
                let count = rows(&mut |row| goes_on = goes_on && each(row));
                goes_on = goes_on && count > 0;
            }
            pg_sys::SPI_cursor_close(portal);
        }
    }

    /// The arguments, checked to match in number and types those that the query was prepared with.
    fn checked(&self, arguments: &[Value]) -> Vec<Datum> {
        if !arguments.iter().map(|argument| argument.type_oid()).eq(self.types.iter().copied()) {
            defect("an argument of another type than the query's");
        }
        arguments.iter().map(|argument| argument.datum()).collect()
    }
}

/// Calls `each` with the rows that SPI has fetched, and frees them. Returns how many there were.
///
/// # Safety
/// SPI is connected and has just run a query.
unsafe fn rows(each: &mut impl FnMut(&SpiRow)) -> u64 {
    // SAFETY: SPI has just run a query, as the caller promises, and left its rows there.
    unsafe {
        let (table, count) = (pg_sys::SPI_tuptable, pg_sys::SPI_processed);
        if table.is_null() {
            return 0;
        }
        for i in 0..count as usize {
            memory::check();
            each(&SpiRow { tuple: *(*table).vals.add(i), descriptor: (*table).tupdesc });
        }
        pg_sys::SPI_freetuptable(table);
        count
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // PostgreSQL must not be called while an error unwinds.
        if !std::thread::panicking() {
            // SAFETY: nobody else has the plan.
            unsafe { pg_sys::SPI_freeplan(self.plan) };
        }
    }
}

/// A row of a result.
pub struct SpiRow {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

impl SpiRow {
    /// A column by its number, from 1; None if it is NULL.
    pub fn get(&self, column: usize) -> Option<Datum> {
        let mut null = false;
        // SAFETY: the row lives until the next one.
        let datum = unsafe { pg_sys::SPI_getbinval(self.tuple, self.descriptor, column as i32, &mut null) };
        (!null).then_some(datum)
    }

    /// A column by its number, from 1, with its type; None if it is NULL.
    pub fn value(&self, column: usize) -> Option<LentValue<'_>> {
        // SAFETY: SPI made the descriptor, which says of which types the columns are; they live as long as the row.
        unsafe {
            let value = Value::new(type_at(self.descriptor, column - 1)?, self.get(column)?);
            Some(LentValue::new(value))
        }
    }

    /// A column by its number, from 1, as it is stored; None if it is NULL.
    pub fn stored(&self, column: usize) -> Option<StoredValue<'_>> {
        let datum = self.get(column)?;
        // SAFETY: SPI made the descriptor, which says how long the values of its columns are; they live as long as the
        // row.
        unsafe {
            let (length, by_value) = passing(self.descriptor, column - 1)?;
            Some(StoredValue::new(datum, length, by_value))
        }
    }

    /// The bytes of a column whose type has this size and is passed by reference; None if it is NULL, or another type.
    pub fn bytes<const SIZE: usize>(&self, column: usize) -> Option<[u8; SIZE]> {
        let stored = self.stored(column).filter(|stored| stored.length() == SIZE as i16)?;
        stored.read(|bytes| bytes.try_into().ok())
    }

    /// A bigint, 0 if it is NULL.
    pub fn integer(&self, column: usize) -> i64 {
        self.get(column).map_or(0, |datum| datum.value() as i64)
    }

    /// All columns as text, "" for NULL.
    fn strings(&self) -> Vec<String> {
        // SAFETY: the row lives until the next one; a NULL comes as a null pointer.
        unsafe {
            let columns = (*self.descriptor).natts;
            (1..=columns)
                .map(|column| {
                    text(pg_sys::SPI_getvalue(self.tuple, self.descriptor, column)).unwrap_or_default()
                })
                .collect()
        }
    }

    /// A double.
    pub fn double(&self, column: usize) -> Option<f64> {
        self.get(column).map(|datum| f64::from_bits(datum.value() as u64))
    }
}

/// Connects to SPI while `work` is done.
pub fn connected<R>(work: impl FnOnce() -> R) -> R {
    connected_as(0, work)
}

/// Connects to SPI with these options while `work` is done; a procedure may end its transaction then.
pub fn connected_as<R>(options: u32, work: impl FnOnce() -> R) -> R {
    caught(|| SPI_connect_ext(options as i32));
    let result = work();
    // After an error PostgreSQL does this.
    caught(|| SPI_finish());
    result
}

/// Runs a command that returns nothing. SPI is connected.
pub fn command(sql: &str) {
    let _inside = Inside::enter();
    let sql = c_string(sql);
    let sql = CText::from(sql.as_c_str());
    let result = caught(|| SPI_execute(sql, false, 0));
    if result != pg_sys::SPI_OK_UTILITY as i32 {
        unexpected(result);
    }
}

/// Runs a query of PostgreSQL's own catalog. Returns its rows as text, with "" for NULL.
pub fn strings(sql: &str) -> Vec<Vec<String>> {
    let _inside = Inside::enter();
    let (sql, mut all) = (c_string(sql), Vec::new());
    fence::for_catalog(|| {
        let sql = CText::from(sql.as_c_str());
        let result = caught(|| SPI_execute(sql, true, 0));
        if result != pg_sys::SPI_OK_SELECT as i32 {
            unexpected(result);
        }
        let mut add = |row: &SpiRow| {
            memory::room(&mut all, 1);
            all.push(row.strings());
        };
        // SAFETY: SPI has just run a query, and says that it returns rows.
        unsafe { rows(&mut add) };
    });
    all
}

fn unexpected(code: i32) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        format!("a query of a power tree's base table failed with code {code}"),
        "",
        "This is a defect of pg_tally.",
    )
}
