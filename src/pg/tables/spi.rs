//! PreparedQuery queries, run in the active snapshot.

use super::fence;
use crate::pg::memory::heap;
use crate::pg::server::ctext::CText;
use crate::pg::server::error::{defect, raise};
use crate::pg::server::lookup::caught;
use crate::pg::server::name::c_string;
use crate::pg::values::row::{HasColumns, RowType};
use crate::pg::values::value::{LentValue, StoredValue, Value};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// A query that SPI has prepared, which lives as long as this is used. A pointer that is not null, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct PreparedQuery(NonNull<pg_sys::_SPI_plan>);

/// A cursor, which is open as long as this is used. A pointer that is not null, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Cursor(NonNull<pg_sys::PortalData>);

// PostgreSQL defines these functions with these arguments, and returns a code where SPI is not connected. Those that ask for
// arguments raise no error.
unsafe extern "C-unwind" {
    safe static SPI_result: AtomicI32;
    safe fn SPI_connect_ext(options: i32) -> i32;
    safe fn SPI_finish() -> i32;
    safe fn SPI_commit();
    safe fn SPI_execute(sql: CText, read_only: bool, most: i64) -> i32;
    safe fn SPI_keepplan(query: PreparedQuery) -> i32;
    safe fn SPI_getargcount(query: PreparedQuery) -> i32;
    safe fn SPI_getargtypeid(query: PreparedQuery, number: i32) -> Oid;
    safe fn SPI_cursor_fetch(cursor: Cursor, forward: bool, most: i64);
    safe fn SPI_cursor_close(cursor: Cursor);
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

impl PreparedQuery {
    /// Prepares a query with arguments of these types; `options` are cursor options. None if it is no query that can be
    /// prepared. SPI is connected, and keeps it until it is finished.
    pub fn of(sql: &str, types: &mut [Oid], options: u32) -> Option<PreparedQuery> {
        let (sql, count) = (c_string(sql), types.len() as i32);
        // SAFETY: there are as many types as arguments; PostgreSQL copies them and the text.
        let plan =
            unsafe { pg_sys::SPI_prepare_cursor(sql.as_ptr(), count, types.as_mut_ptr(), options as i32) };
        NonNull::new(plan).map(PreparedQuery)
    }

    /// The query for functions of PostgreSQL.
    pub fn pointer(self) -> pg_sys::SPIPlanPtr {
        self.0.as_ptr()
    }

    /// Runs the query in the active snapshot, and calls `each` with each row. SPI is connected.
    fn run(self, arguments: &[Value], mut each: impl FnMut(&SpiRow)) {
        let mut arguments = self.checked(arguments);
        // SAFETY: the arguments are checked to match the query.
        let result = unsafe {
            pg_sys::SPI_execute_plan(self.pointer(), arguments.as_mut_ptr(), std::ptr::null(), true, 0)
        };
        if result != pg_sys::SPI_OK_SELECT as i32 {
            unexpected(result);
        }
        fetched(&mut each);
    }

    /// Runs a query whose result may be too large for memory in the active snapshot, until `each` returns false. Returns the types of
    /// the columns. SPI is connected.
    pub fn run_large(self, arguments: &[Value], mut each: impl FnMut(&SpiRow) -> bool) -> Vec<Oid> {
        let mut arguments = self.checked(arguments);
        let nameless = std::ptr::null();
        // SAFETY: the arguments are checked to match the query; PostgreSQL copies them.
        let (cursor, row_type) = unsafe {
            let (plan, arguments) = (self.pointer(), arguments.as_mut_ptr());
            let portal = pg_sys::SPI_cursor_open(nameless, plan, arguments, std::ptr::null(), true);
            let Some(open) = NonNull::new(portal) else { unexpected(SPI_result.load(Relaxed)) };
            (Cursor(open), RowType::new((*portal).tupDesc))
        };
        let types = row_type.types().collect();
        let mut goes_on = true;
        while goes_on {
            caught(|| SPI_cursor_fetch(cursor, true, 1000));
            let count = fetched(&mut |row| goes_on = goes_on && each(row));
            goes_on = goes_on && count > 0;
        }
        caught(|| SPI_cursor_close(cursor));
        types
    }

    /// The arguments, checked to match in number and types those that the query was prepared with.
    fn checked(self, arguments: &[Value]) -> Vec<Datum> {
        let types = (0..SPI_getargcount(self)).map(|number| SPI_getargtypeid(self, number));
        if !arguments.iter().map(|argument| argument.type_oid()).eq(types) {
            defect("an argument of another type than the query's");
        }
        arguments.iter().map(|argument| argument.datum()).collect()
    }
}

/// A prepared query that outlives the transaction.
pub struct Plan(PreparedQuery);

impl Plan {
    /// Prepares a query; `options` are cursor options. SPI is connected.
    pub fn prepare(sql: &str, mut types: Vec<Oid>, options: u32) -> Plan {
        let _inside = Inside::enter();
        match PreparedQuery::of(sql, &mut types, options) {
            Some(query) if caught(|| SPI_keepplan(query)) == 0 => Plan(query),
            _ => unexpected(SPI_result.load(Relaxed)),
        }
    }

    /// Runs the query in the active snapshot, and calls `each` with each row. SPI is connected.
    pub fn run(&self, arguments: &[Value], each: impl FnMut(&SpiRow)) {
        let _inside = Inside::enter();
        self.0.run(arguments, each);
    }

    /// Runs a query whose result may be too large for memory, until `each` returns false. SPI is connected.
    pub fn run_large(&self, arguments: &[Value], each: impl FnMut(&SpiRow) -> bool) {
        let _inside = Inside::enter();
        self.0.run_large(arguments, each);
    }
}

/// Calls `each` with the rows that SPI has fetched last, and frees them. Returns how many there were.
fn fetched(each: &mut impl FnMut(&SpiRow)) -> u64 {
    // SAFETY: PostgreSQL sets the variable to the rows that were fetched last, or to null, also when they are freed or SPI is
    // finished. While `each` runs nobody else frees them.
    unsafe {
        let table = pg_sys::SPI_tuptable;
        if table.is_null() {
            return 0;
        }
        let (count, row_type) = ((*table).numvals, RowType::new((*table).tupdesc));
        for i in 0..count as usize {
            heap::check();
            each(&SpiRow { tuple: *(*table).vals.add(i), row_type });
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
            unsafe { pg_sys::SPI_freeplan(self.0.pointer()) };
        }
    }
}

/// A row of a result, which lives until the next one.
pub struct SpiRow<'r> {
    tuple: pg_sys::HeapTuple,
    row_type: RowType<'r>,
}

// SAFETY: SPI has made the row of this type.
unsafe impl HasColumns for SpiRow<'_> {
    fn row_type(&self) -> Option<RowType<'_>> {
        Some(self.row_type)
    }

    fn datum(&self, place: usize) -> Option<Datum> {
        let (mut null, number) = (false, place as i32 + 1);
        // SAFETY: the row lives until the next one; PostgreSQL returns NULL for a column that is not there.
        let datum = unsafe { pg_sys::SPI_getbinval(self.tuple, self.row_type.pointer(), number, &mut null) };
        (!null).then_some(datum)
    }
}

impl SpiRow<'_> {
    /// A column by its number, from 1; None if it is NULL.
    pub fn get(&self, column: usize) -> Option<Datum> {
        self.datum(column - 1)
    }

    /// A column by its number, from 1, with its type; None if it is NULL.
    pub fn value(&self, column: usize) -> Option<LentValue<'_>> {
        self.value_at(column - 1)
    }

    /// A column by its number, from 1, as it is stored; None if it is NULL.
    pub fn stored(&self, column: usize) -> Option<StoredValue<'_>> {
        self.stored_at(column - 1)
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

    /// All columns as text, None for NULL.
    pub fn texts(&self) -> Vec<Option<String>> {
        (0..self.row_type.count()).map(|place| self.value_at(place).map(LentValue::to_text)).collect()
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

/// Commits the transaction of a procedure that may do so, and begins another one; PostgreSQL raises an error in any other.
pub fn commit() {
    caught(|| SPI_commit());
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
        fetched(&mut |row: &SpiRow| {
            heap::room(&mut all, 1);
            all.push(row.texts().into_iter().map(Option::unwrap_or_default).collect());
        });
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
