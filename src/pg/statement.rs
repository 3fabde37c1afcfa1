//! Statements that a caller passes as text: planned or run as the caller, in the active snapshot, and nothing but SELECTs.

use super::error::raise;
use super::list::items;
use super::memory;
use super::name::{c_string, text};
use super::setting::Settings;
use pgrx::pg_sys::{self, CachedPlanSource, CmdType, Oid, PlannedStmt, Query};
use pgrx::PgSqlErrorCode;
use std::ffi::CStr;
use std::ptr::{null, null_mut};

/// The longest text of a statement, in bytes.
const LONGEST: usize = 1_000_000;

/// A SELECT, which lives as long as SPI is connected.
pub struct Select {
    plan: pg_sys::SPIPlanPtr,
}

/// A row of a result: its columns as text.
pub type TextRow = Vec<Option<String>>;

impl Select {
    /// Parses a statement; raises an error unless it is one SELECT that changes nothing. SPI is connected.
    pub fn parse(sql: &str) -> Select {
        if sql.len() > LONGEST {
            raise(
                PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "the query is longer than 1 MB",
                "",
                "Put a part of it into a view.",
            );
        }
        let sql = c_string(sql);
        // SAFETY: PostgreSQL copies the text, and keeps the plan until SPI is finished.
        let plan = unsafe {
            let parallel = pg_sys::CURSOR_OPT_PARALLEL_OK as i32;
            pg_sys::SPI_prepare_cursor(sql.as_ptr(), 0, null_mut(), parallel)
        };
        let select = Select { plan };
        if plan.is_null() || !select.only_reads() {
            raise(
                PgSqlErrorCode::ERRCODE_SYNTAX_ERROR,
                "the query is not one SELECT that only reads",
                "",
                "Give a single SELECT without INTO, FOR UPDATE and parts that change data.",
            );
        }
        select
    }

    fn only_reads(&self) -> bool {
        // SAFETY: PostgreSQL made the plan, and has analysed the statements.
        unsafe {
            let mut sources = items::<CachedPlanSource>(pg_sys::SPI_plan_get_plan_sources(self.plan));
            let (Some(source), None) = (sources.next(), sources.next()) else { return false };
            let mut queries = items::<Query>((*source).query_list);
            let (Some(query), None) = (queries.next(), queries.next()) else { return false };
            (*query).commandType == CmdType::CMD_SELECT
                && !(*query).hasModifyingCTE
                && (*query).rowMarks.is_null()
        }
    }

    /// Plans the statement, and raises an error if the caller may not run it.
    pub fn plan(&self) {
        // SAFETY: the plan is PostgreSQL's own, has one statement, and is released after its last use.
        unsafe {
            let cached = pg_sys::SPI_plan_get_cached_plan(self.plan);
            if cached.is_null() {
                return;
            }
            for statement in items::<PlannedStmt>((*cached).stmt_list) {
                #[cfg(feature = "pg15")]
                pg_sys::ExecCheckRTPerms((*statement).rtable, true);
                #[cfg(not(feature = "pg15"))]
                pg_sys::ExecCheckPermissions((*statement).rtable, (*statement).permInfos, true);
            }
            pg_sys::ReleaseCachedPlan(cached, null_mut());
        }
    }

    /// Runs the statement in the active snapshot, calls `each` with each row, and returns the types of the columns.
    pub fn run(&self, mut each: impl FnMut(TextRow)) -> Vec<Oid> {
        // SAFETY: the plan has one SELECT without parameters; rows are read before the next are fetched.
        unsafe {
            let portal = pg_sys::SPI_cursor_open(null(), self.plan, null_mut(), null(), true);
            let descriptor = (*portal).tupDesc;
            let columns = (*descriptor).natts;
            loop {
                pg_sys::SPI_cursor_fetch(portal, true, 1000);
                let (table, count) = (pg_sys::SPI_tuptable, pg_sys::SPI_processed);
                for row in 0..count as usize {
                    memory::check();
                    let tuple = *(*table).vals.add(row);
                    let column = |number| text(pg_sys::SPI_getvalue(tuple, (*table).tupdesc, number));
                    each((1..=columns).map(column).collect());
                }
                pg_sys::SPI_freetuptable(table);
                if count == 0 {
                    break;
                }
            }
            let types = (1..=columns).map(|number| pg_sys::SPI_gettypeid(descriptor, number)).collect();
            pg_sys::SPI_cursor_close(portal);
            types
        }
    }
}

/// Settings that hold while `work` is done, and are what they were afterwards.
pub fn with_settings<R>(settings: &[(&CStr, &CStr)], work: impl FnOnce() -> R) -> R {
    let _settings = Settings::of(settings);
    work()
}
