//! The extension's own tables.

use super::generation;
use crate::pg::server::error::raise;
use crate::pg::server::name::{namespace, quoted};
use crate::pg::tables::catalog::{extension_named, relation_named, scan};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;
use std::cell::Cell;
use std::ffi::CStr;

/// The tables of all trees and their indexes.
#[derive(Clone, Copy)]
pub struct Tables {
    pub schema: Oid,
    pub definition: Oid,
    pub definition_id: Oid,
    pub state: Oid,
    pub state_tree: Oid,
    pub span: Oid,
    pub span_tree: Oid,
    pub log: Oid,
    pub log_leaf: Oid,
    pub series: Oid,
    pub series_hash: Oid,
    pub node: Oid,
    pub node_level: Oid,
    /// The sequence of the trees' numbers.
    pub sequence: Oid,
    /// The function that their triggers call.
    pub capture: Oid,
    /// The table of failures and its index, which version 0.1.0 does not have.
    pub failure: Option<(Oid, Oid)>,
    /// The tables of archived rows, which version 0.1.0 does not have.
    pub archive: Option<ArchiveTables>,
}

/// The tables of archived rows and their indexes.
#[derive(Clone, Copy)]
pub struct ArchiveTables {
    pub run: Oid,
    pub run_tree: Oid,
    pub leaf: Oid,
    pub leaf_series: Oid,
}

thread_local! {
    /// The tables, and the generation in which they were found.
    static TABLES: Cell<Option<(u64, Tables)>> = const { Cell::new(None) };
}

impl Tables {
    /// The tables of the extension in this database.
    pub fn get() -> Tables {
        Tables::known().unwrap_or_else(|| {
            raise(
                PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
                "the tables of extension pg_tally are missing",
                "",
                "Create the extension again.",
            )
        })
    }

    /// Finds the tables of the extension; None while it is being created or dropped.
    pub fn known() -> Option<Tables> {
        let before = generation::current();
        if let Some((_, tables)) = TABLES.get().filter(|(found_in, _)| *found_in == before) {
            return Some(tables);
        }
        let tables = Tables::find()?;
        tables.all().into_iter().for_each(generation::watch_table);
        TABLES.set(Some((before, tables)));
        Some(tables)
    }

    /// The tables themselves.
    pub fn all(&self) -> Vec<Oid> {
        let mut all = vec![self.definition, self.state, self.span, self.log, self.series, self.node];
        all.extend(self.failure.map(|(table, _)| table));
        all.extend(self.archive.iter().flat_map(|archive| [archive.run, archive.leaf]));
        all
    }

    fn find() -> Option<Tables> {
        let schema = extension_schema()?;
        let find = |name: &CStr| relation_named(name, schema);
        Some(Tables {
            schema,
            definition: find(c"powertree_definition")?,
            definition_id: find(c"powertree_definition_pkey")?,
            state: find(c"powertree_state")?,
            state_tree: find(c"powertree_state_tree")?,
            span: find(c"powertree_span")?,
            span_tree: find(c"powertree_span_tree")?,
            log: find(c"powertree_log")?,
            log_leaf: find(c"powertree_log_leaf")?,
            series: find(c"powertree_series")?,
            series_hash: find(c"powertree_series_hash")?,
            node: find(c"powertree_node")?,
            node_level: find(c"powertree_node_level")?,
            sequence: find(c"powertree_id")?,
            capture: function(c"powertree_capture", &[], schema)?,
            failure: find(c"powertree_failure").zip(find(c"powertree_failure_tree")),
            archive: ArchiveTables::find(find),
        })
    }

    /// The schema of the extension as SQL.
    pub fn schema_name(&self) -> String {
        quoted(namespace(self.schema))
    }

    /// The aggregate that makes a tally of values of a type; None if it is gone.
    pub fn tally_of(&self, type_oid: Oid) -> Option<Oid> {
        function(c"tally", &[type_oid], self.schema)
    }
}

impl ArchiveTables {
    fn find(find: impl Fn(&CStr) -> Option<Oid>) -> Option<ArchiveTables> {
        Some(ArchiveTables {
            run: find(c"powertree_archived")?,
            run_tree: find(c"powertree_archived_tree")?,
            leaf: find(c"powertree_archive_leaf")?,
            leaf_series: find(c"powertree_archive_leaf_series")?,
        })
    }
}

fn function(name: &CStr, arguments: &[Oid], schema: Oid) -> Option<Oid> {
    // SAFETY: PostgreSQL looks the name up.
    let function = unsafe {
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            pg_sys::Anum_pg_proc_oid as i16,
            Datum::from(name.as_ptr()),
            Datum::from(pg_sys::buildoidvector(arguments.as_ptr(), arguments.len() as i32)),
            schema.into(),
            Datum::from(0),
        )
    };
    (function != Oid::INVALID).then_some(function)
}

/// The schema of the extension; None where it is not installed.
fn extension_schema() -> Option<Oid> {
    let mut schema = None;
    if let Some(extension) = extension_named(c"pg_tally") {
        let index = Some(Oid::from(pg_sys::ExtensionOidIndexId));
        let key = Some((pg_sys::Anum_pg_extension_oid, extension));
        scan(pg_sys::ExtensionRelationId, index, key, |row| {
            let row = row.form::<pg_sys::FormData_pg_extension>();
            schema = Some(row.extnamespace);
            false
        });
    }
    schema
}

/// Raises an error about stored data that cannot be read.
pub fn damaged(what: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
        format!("stored {what} of a power tree are corrupted"),
        "",
        "Rebuild the tree with powertree_rebuild().",
    )
}
