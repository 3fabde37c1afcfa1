//! Rows of PostgreSQL's catalogs.

use crate::pg::server::error::defect;
use crate::pg::server::passing::VARLENA;
use crate::pg::values::row::{HasColumns, RowType};
use crate::pg::values::value::StoredValue;
use pgrx::pg_sys::{self, Datum, Oid, SysCacheIdentifier};

pub use crate::pg::server::lookup::{
    advance, attname, extension_named, is_partitioned, lock, relation_named, relkind, relname, schema_of,
    transaction_number,
};

/// The type with which SQL declares an argument of a function, from 0; None if there is none.
pub fn declared_argument(function: Oid, number: usize) -> Option<Oid> {
    look_up(Cached::Function(function), |row| argument_types(row).get(number).copied())?
}

/// The types with which SQL declares the arguments and the result of a function; None if there is no such function.
pub fn signature(function: Oid) -> Option<(Vec<Oid>, Oid)> {
    look_up(Cached::Function(function), |row| {
        (argument_types(row).to_vec(), row.form::<pg_sys::FormData_pg_proc>().prorettype)
    })
}

/// The types of the arguments of a function.
fn argument_types<'r>(row: &CatalogRow<'r>) -> &'r [Oid] {
    let function = row.form::<pg_sys::FormData_pg_proc>();
    // SAFETY: a function has as many types of arguments as it says.
    unsafe { function.proargtypes.values.as_slice(function.pronargs as usize) }
}

/// A row of a catalog, valid while it is looked at.
pub struct CatalogRow<'r> {
    tuple: &'r pg_sys::HeapTupleData,
    columns: Described<'r>,
}

/// The place in which the columns of a row are described: the table that is read, or PostgreSQL's cache.
enum Described<'r> {
    Table(RowType<'r>),
    Cache(SysCacheIdentifier::Type),
}

/// The columns with which the rows of a catalog begin.
///
/// # Safety
/// The rows of the catalog begin with this structure.
pub unsafe trait CatalogForm {
    /// The catalog.
    const CATALOG: Oid;
}

macro_rules! forms {
    ($($form:ident $catalog:ident),*) => { $(
        // SAFETY: PostgreSQL's header of the catalog defines the structure.
        unsafe impl CatalogForm for pg_sys::$form {
            const CATALOG: Oid = pg_sys::$catalog;
        }
    )* };
}

forms! {
    FormData_pg_attribute AttributeRelationId,
    FormData_pg_class RelationRelationId,
    FormData_pg_database DatabaseRelationId,
    FormData_pg_extension ExtensionRelationId,
    FormData_pg_proc ProcedureRelationId,
    FormData_pg_trigger TriggerRelationId
}

// SAFETY: the columns are described where the row comes from.
unsafe impl HasColumns for CatalogRow<'_> {
    fn row_type(&self) -> Option<RowType<'_>> {
        match self.columns {
            Described::Table(row_type) => Some(row_type),
            Described::Cache(_) => None,
        }
    }

    fn datum(&self, place: usize) -> Option<Datum> {
        self.column(place as u32 + 1)
    }
}

impl<'r> CatalogRow<'r> {
    /// The columns with which the row begins.
    pub fn form<T: CatalogForm>(&self) -> &'r T {
        if self.tuple.t_tableOid != T::CATALOG {
            defect("a row of another catalog");
        }
        // SAFETY: a row of this catalog begins with the structure.
        unsafe { &*pg_sys::GETSTRUCT(std::ptr::from_ref(self.tuple).cast_mut()).cast::<T>() }
    }

    /// A column by its number, from 1; None if it is NULL, or if there is none.
    pub fn column(&self, number: u32) -> Option<Datum> {
        let tuple = std::ptr::from_ref(self.tuple).cast_mut();
        let mut null = false;
        // SAFETY: a row begins by saying how many columns it has, which are described where the row comes from.
        let datum = unsafe {
            if !(1..=u32::from((*self.tuple.t_data).t_infomask2) & pg_sys::HEAP_NATTS_MASK).contains(&number)
            {
                return None;
            }
            match self.columns {
                Described::Table(row_type) => {
                    pg_sys::heap_getattr(tuple, number as i32, row_type.pointer(), &mut null)
                }
                Described::Cache(cache) => {
                    pg_sys::SysCacheGetAttr(cache as i32, tuple, number as i16, &mut null)
                }
            }
        };
        (!null).then_some(datum)
    }

    /// A column as it is stored; None if it is NULL, or if the row comes from PostgreSQL's cache.
    fn stored(&self, number: u32) -> Option<StoredValue<'_>> {
        self.stored_at(number as usize - 1)
    }

    /// A column of type bytea; None if it is NULL.
    pub fn bytes(&self, number: u32) -> Option<Vec<u8>> {
        let stored = self.stored(number).filter(|stored| stored.length() == VARLENA)?;
        Some(stored.read(<[u8]>::to_vec))
    }

    /// A column of type name; None if it is NULL.
    pub fn name(&self, number: u32) -> Option<String> {
        const LENGTH: i16 = pg_sys::NAMEDATALEN as i16;
        self.stored(number)
            .filter(|stored| stored.length() == LENGTH)
            .map(|stored| stored.read(text_before_zero))
    }
}

/// The text of a value of type name.
pub fn name_text(value: &pg_sys::NameData) -> String {
    text_before_zero(&value.data.map(|byte| byte as u8))
}

fn text_before_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A row of a catalog in PostgreSQL's cache, by its key.
#[derive(Clone, Copy)]
pub enum Cached {
    Aggregate(Oid),
    Column(Oid, i16),
    Function(Oid),
    PartitionedTable(Oid),
    Relation(Oid),
}

impl Cached {
    fn key(self) -> (SysCacheIdentifier::Type, [Datum; 2]) {
        let object = |cache, object: Oid| (cache, [object.into(), Datum::null()]);
        match self {
            Cached::Aggregate(function) => object(SysCacheIdentifier::AGGFNOID, function),
            Cached::Column(relation, number) => {
                (SysCacheIdentifier::ATTNUM, [relation.into(), number.into()])
            }
            Cached::Function(function) => object(SysCacheIdentifier::PROCOID, function),
            Cached::PartitionedTable(table) => object(SysCacheIdentifier::PARTRELID, table),
            Cached::Relation(relation) => object(SysCacheIdentifier::RELOID, relation),
        }
    }
}

/// Looks at a row in PostgreSQL's cache; None if there is none.
pub fn look_up<R>(row: Cached, look: impl FnOnce(&CatalogRow) -> R) -> Option<R> {
    let (cache, [first, second]) = row.key();
    let none = Datum::null();
    // SAFETY: the key is one of the cache, which ignores the parts that it does not have; PostgreSQL keeps the row until it is
    // released.
    unsafe {
        let tuple = pg_sys::SearchSysCache(cache as i32, first, second, none, none);
        let found = look(&CatalogRow { tuple: tuple.as_ref()?, columns: Described::Cache(cache) });
        pg_sys::ReleaseSysCache(tuple);
        Some(found)
    }
}

/// Calls `each` with the rows of a catalog, all or those that have `key` in an indexed column, until it returns false.
pub fn scan(
    catalog: Oid,
    index: Option<Oid>,
    key: Option<(u32, Oid)>,
    mut each: impl FnMut(&CatalogRow) -> bool,
) {
    // SAFETY: PostgreSQL raises an error if the catalog does not exist; a key is compared as an OID. A row is not used
    // once the next has been fetched.
    unsafe {
        let table = pg_sys::table_open(catalog, pg_sys::AccessShareLock as i32);
        let mut condition = pg_sys::ScanKeyData::default();
        if let Some((column, object)) = key {
            let (equal, function) = (pg_sys::BTEqualStrategyNumber as u16, Oid::from(pg_sys::F_OIDEQ));
            pg_sys::ScanKeyInit(&mut condition, column as i16, equal, function, object.into());
        }
        let scan = pg_sys::systable_beginscan(
            table,
            index.unwrap_or(Oid::INVALID),
            index.is_some(),
            std::ptr::null_mut(),
            key.is_some().into(),
            &mut condition,
        );
        let row_type = RowType::new((*table).rd_att);
        while let Some(tuple) = pg_sys::systable_getnext(scan).as_ref() {
            if !each(&CatalogRow { tuple, columns: Described::Table(row_type) }) {
                break;
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(table, pg_sys::AccessShareLock as i32);
    }
}
