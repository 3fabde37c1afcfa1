//! Where the extension's tables are, and when what a session remembers of trees is out of date.

use crate::pg::error::raise;
use crate::pg::name::{namespace, quoted};
use crate::powertree::ddl::touched;
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
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
    /// A table and its index that version 0.1.0 has not.
    pub failure: Option<(Oid, Oid)>,
}

thread_local! {
    static TABLES: Cell<Option<Tables>> = const { Cell::new(None) };
    /// Grows when anything changed that was looked at.
    static GENERATION: Cell<u64> = const { Cell::new(0) };
    static WATCHED: RefCell<HashSet<u32>> = RefCell::new(HashSet::new());
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

    /// The same, None while the extension is being created or dropped.
    pub fn known() -> Option<Tables> {
        if let Some(tables) = TABLES.get() {
            return Some(tables);
        }
        let before = generation();
        let tables = Tables::find()?;
        tables.all().into_iter().for_each(watch_table);
        if generation() == before {
            TABLES.set(Some(tables));
        }
        Some(tables)
    }

    /// The tables themselves.
    pub fn all(&self) -> Vec<Oid> {
        let mut all = vec![self.definition, self.state, self.span, self.log, self.series, self.node];
        all.extend(self.failure.map(|(table, _)| table));
        all
    }

    fn find() -> Option<Tables> {
        let schema = extension_schema()?;
        let find = |name: &CStr| {
            // SAFETY: looks a name up in the catalog.
            let table = unsafe { pg_sys::get_relname_relid(name.as_ptr(), schema) };
            (table != Oid::INVALID).then_some(table)
        };
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
            capture: function_without_arguments(c"powertree_capture", schema)?,
            failure: find(c"powertree_failure").zip(find(c"powertree_failure_tree")),
        })
    }

    /// The schema of the extension as SQL.
    pub fn schema_name(&self) -> String {
        quoted(namespace(self.schema))
    }
}

fn function_without_arguments(name: &CStr, schema: Oid) -> Option<Oid> {
    // SAFETY: looks a name up in the catalog.
    let function = unsafe {
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            pg_sys::Anum_pg_proc_oid as i16,
            Datum::from(name.as_ptr()),
            Datum::from(pg_sys::buildoidvector(std::ptr::null(), 0)),
            schema.into(),
            Datum::from(0),
        )
    };
    (function != Oid::INVALID).then_some(function)
}

/// The schema of the extension; None where it is not installed.
fn extension_schema() -> Option<Oid> {
    // SAFETY: an ordinary scan of a system catalog by its index.
    unsafe {
        let extension = pg_sys::get_extension_oid(c"pg_tally".as_ptr(), true);
        if extension == Oid::INVALID {
            return None;
        }
        let relation = pg_sys::table_open(pg_sys::ExtensionRelationId, pg_sys::AccessShareLock as i32);
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &mut key,
            pg_sys::Anum_pg_extension_oid as i16,
            pg_sys::BTEqualStrategyNumber as u16,
            Oid::from(pg_sys::F_OIDEQ),
            extension.into(),
        );
        let scan = pg_sys::systable_beginscan(
            relation,
            Oid::from(pg_sys::ExtensionOidIndexId),
            true,
            std::ptr::null_mut(),
            1,
            &mut key,
        );
        let tuple = pg_sys::systable_getnext(scan);
        let schema = (!tuple.is_null()).then(|| {
            let row = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_extension>();
            (*row).extnamespace
        });
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
        schema
    }
}

/// Forget everything that was remembered when this relation changes.
pub fn watch_table(relation: Oid) {
    WATCHED.with_borrow_mut(|watched| watched.insert(relation.to_u32()));
}

/// What was remembered in an earlier generation is out of date.
pub fn generation() -> u64 {
    GENERATION.get()
}

/// Asks PostgreSQL to say when tables and schemas change; once, when the library is loaded.
pub fn watch() {
    // SAFETY: only called from `_PG_init`; the functions live as long as the process.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), Datum::from(0));
        let namespaces = pg_sys::SysCacheIdentifier::NAMESPACEOID as i32;
        pg_sys::CacheRegisterSyscacheCallback(namespaces, Some(schema_changed), Datum::from(0));
        pg_sys::RegisterXactCallback(Some(transaction_ended), std::ptr::null_mut());
    }
}

// Called in the middle of anything: they only set a flag, and call nothing that could fail.
unsafe extern "C-unwind" fn relation_changed(_: Datum, relation: Oid) {
    touched::note(relation);
    let ours = relation == Oid::INVALID
        || WATCHED.with(|watched| {
            watched.try_borrow().map_or(true, |watched| watched.contains(&relation.to_u32()))
        });
    if ours {
        forget();
    }
}

unsafe extern "C-unwind" fn schema_changed(_: Datum, _: i32, _: u32) {
    forget();
}

unsafe extern "C-unwind" fn transaction_ended(_: pg_sys::XactEvent::Type, _: *mut std::ffi::c_void) {
    touched::forget();
}

fn forget() {
    TABLES.set(None);
    GENERATION.set(GENERATION.get() + 1);
}
