//! Statements that a caller passes as text: planned or run as the caller, in the active snapshot, and nothing but SELECTs.

use super::spi::PreparedQuery;
use crate::pg::nodes::list::items;
use crate::pg::server::error::raise;
use crate::pg::server::setting::Settings;
use pgrx::pg_sys::{self, CachedPlanSource, CmdType, Oid, PlannedStmt, Query};
use pgrx::PgSqlErrorCode;
use std::ffi::CStr;
use std::ptr::null_mut;

/// The longest text of a statement, in bytes.
const LONGEST: usize = 1_000_000;

/// A SELECT, which lives as long as SPI is connected.
pub struct Select(PreparedQuery);

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
        let query = PreparedQuery::of(sql, &mut [], pg_sys::CURSOR_OPT_PARALLEL_OK).map(Select);
        query.filter(Select::only_reads).unwrap_or_else(|| {
            raise(
                PgSqlErrorCode::ERRCODE_SYNTAX_ERROR,
                "the query is not one SELECT that only reads",
                "",
                "Give a single SELECT without INTO, FOR UPDATE and parts that change data.",
            )
        })
    }

    fn only_reads(&self) -> bool {
        // SAFETY: PostgreSQL made the plan, and has analysed the statements.
        unsafe {
            let mut sources = items::<CachedPlanSource>(pg_sys::SPI_plan_get_plan_sources(self.0.pointer()));
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
            let cached = pg_sys::SPI_plan_get_cached_plan(self.0.pointer());
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
        self.0.run_large(&[], |row| {
            each(row.texts());
            true
        })
    }
}

/// Settings that hold while `work` is done, and are what they were afterwards.
pub fn with_settings<R>(settings: &[(&CStr, &CStr)], work: impl FnOnce() -> R) -> R {
    let _settings = Settings::of(settings);
    work()
}
