//! Queries of the base table: prepared once, run in the snapshot that is active.

use super::error::raise;
use super::fence;
use super::memory;
use super::name::{c_string, text};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;

/// A prepared query that outlives the transaction.
pub struct Plan(pg_sys::SPIPlanPtr);

impl Plan {
    /// Prepares it; `options` are those of cursors.
    pub fn prepare(sql: &str, arguments: &[Oid], options: u32) -> Plan {
        let (sql, mut arguments) = (c_string(sql), arguments.to_vec());
        // SAFETY: as many types as arguments; the plan is kept until it is dropped.
        unsafe {
            let plan = pg_sys::SPI_prepare_cursor(
                sql.as_ptr(),
                arguments.len() as i32,
                arguments.as_mut_ptr(),
                options as i32,
            );
            if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
                unexpected(pg_sys::SPI_result);
            }
            Plan(plan)
        }
    }

    /// Runs it in the active snapshot and gives each row to `each`.
    pub fn run(&self, arguments: &[Datum], mut each: impl FnMut(&Row)) {
        let mut arguments = arguments.to_vec();
        // SAFETY: the arguments are those of the plan, none of them NULL; rows are read before the table of them is freed.
        unsafe {
            let result = pg_sys::SPI_execute_plan(self.0, arguments.as_mut_ptr(), std::ptr::null(), true, 0);
            if result != pg_sys::SPI_OK_SELECT as i32 {
                unexpected(result);
            }
            rows(&mut each);
        }
    }

    /// The same for results that may be too large to keep.
    pub fn run_large(&self, arguments: &[Datum], mut each: impl FnMut(&Row)) {
        let mut arguments = arguments.to_vec();
        // SAFETY: as above.
        unsafe {
            let portal = pg_sys::SPI_cursor_open(
                std::ptr::null(),
                self.0,
                arguments.as_mut_ptr(),
                std::ptr::null(),
                true,
            );
            loop {
                pg_sys::SPI_cursor_fetch(portal, true, 1000);
                if rows(&mut each) == 0 {
                    break;
                }
            }
            pg_sys::SPI_cursor_close(portal);
        }
    }
}

/// # Safety
/// A query was just run.
unsafe fn rows(each: &mut impl FnMut(&Row)) -> u64 {
    // SAFETY: SPI left the rows there.
    unsafe {
        let (table, count) = (pg_sys::SPI_tuptable, pg_sys::SPI_processed);
        if table.is_null() {
            return 0;
        }
        for i in 0..count as usize {
            memory::check();
            each(&Row { tuple: *(*table).vals.add(i), descriptor: (*table).tupdesc });
        }
        pg_sys::SPI_freetuptable(table);
        count
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // While an error unwinds PostgreSQL is not called.
        if !std::thread::panicking() {
            // SAFETY: nobody else has the plan.
            unsafe { pg_sys::SPI_freeplan(self.0) };
        }
    }
}

/// A row of a result.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

impl Row {
    /// A column by its number, from 1; None if it is NULL.
    pub fn get(&self, column: usize) -> Option<Datum> {
        let mut null = false;
        // SAFETY: the row lives until the next one.
        let datum = unsafe { pg_sys::SPI_getbinval(self.tuple, self.descriptor, column as i32, &mut null) };
        (!null).then_some(datum)
    }

    /// The bytes of a column whose type has this size and is passed by reference; None if it is NULL, or another type.
    pub fn bytes<const SIZE: usize>(&self, column: usize) -> Option<[u8; SIZE]> {
        // SAFETY: SPI made the descriptor, whose columns it describes.
        let is_of_size = unsafe {
            let count = (*self.descriptor).natts as usize;
            #[cfg(not(feature = "pg18"))]
            let columns = (*self.descriptor).attrs.as_slice(count);
            #[cfg(feature = "pg18")]
            let columns = (*self.descriptor).compact_attrs.as_slice(count);
            let found = columns.get(column.wrapping_sub(1));
            found.is_some_and(|found| found.attlen as usize == SIZE && !found.attbyval)
        };
        let datum = self.get(column).filter(|_| is_of_size)?;
        // SAFETY: the datum of such a type points to `SIZE` bytes, which live as long as the row.
        Some(unsafe { datum.cast_mut_ptr::<[u8; SIZE]>().read() })
    }

    /// A bigint, 0 if it is NULL.
    pub fn integer(&self, column: usize) -> i64 {
        self.get(column).map_or(0, |datum| datum.value() as i64)
    }

    /// All columns as text.
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

/// The same in a procedure that may end its transaction.
pub fn connected_as<R>(options: u32, work: impl FnOnce() -> R) -> R {
    // SAFETY: finished below; after an error PostgreSQL does that.
    unsafe {
        pg_sys::SPI_connect_ext(options as i32);
        let result = work();
        pg_sys::SPI_finish();
        result
    }
}

/// Runs a query of PostgreSQL's own catalog; its rows as text, "" for NULL.
pub fn strings(sql: &str) -> Vec<Vec<String>> {
    let (sql, mut all) = (c_string(sql), Vec::new());
    fence::for_catalog(|| {
        // SAFETY: SPI is connected.
        unsafe {
            let result = pg_sys::SPI_execute(sql.as_ptr(), true, 0);
            if result != pg_sys::SPI_OK_SELECT as i32 {
                unexpected(result);
            }
            rows(&mut |row| {
                memory::room(&mut all, 1);
                all.push(row.strings());
            });
        }
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
