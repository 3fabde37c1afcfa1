//! What a tree summarises, as a session remembers it.

use super::key::KeyColumn;
use super::position::Position;
use super::rights;
use super::value::Value;
use crate::pg::error::raise;
use crate::pg::name::{c_string, relation_name, text};
use crate::pg::spi::Plan;
use crate::pg::table::{Row, Snapshot, Table};
use crate::powertree::store::span::{self, Reach};
use crate::powertree::store::state::State;
use crate::powertree::store::tables::{self, Tables};
use pgrx::datum::{FromDatum, IntoDatum};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use tally_stats::tree::Leaves;

/// A column of the base table.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub number: i16,
    /// Of a domain, the type below it.
    pub type_oid: Oid,
    pub typmod: i32,
    pub collation: Oid,
}

/// A power tree.
pub struct Tree {
    pub id: i32,
    pub name: String,
    pub base: Oid,
    pub at: Column,
    pub position: Position,
    pub values: Vec<(Column, Value)>,
    pub series: Vec<KeyColumn>,
    pub leaves: Leaves,
    pub height: u32,
    /// Do triggers keep it in step?
    pub kept: bool,
    /// The queries of the base table that this session has prepared.
    pub plans: RefCell<HashMap<(crate::powertree::base::query::Query, usize), Rc<Plan>>>,
}

/// What is written down of a tree.
#[derive(Clone, Debug)]
pub struct Definition {
    pub id: i32,
    pub name: String,
    pub base: Oid,
    pub at: String,
    pub values: Vec<String>,
    pub series: Vec<String>,
    pub leaf: i64,
    /// Levels of blocks.
    pub height: u32,
}

impl Definition {
    fn of(row: &Row) -> Definition {
        // SAFETY: the columns of the table, none of them NULL.
        unsafe {
            let string =
                |column| row.get(column).and_then(|d| String::from_datum(d, false)).unwrap_or_default();
            let strings = |column| {
                row.get(column).and_then(|d| Vec::<String>::from_datum(d, false)).unwrap_or_default()
            };
            Definition {
                id: row.integer(1) as i32,
                name: string(2),
                base: Oid::from(row.integer(3) as u32),
                at: string(4),
                values: strings(5),
                series: strings(6),
                leaf: row.integer(7),
                height: row.integer(8) as u32,
            }
        }
    }

    /// The row that says it.
    pub fn columns(&self) -> [Option<Datum>; 8] {
        [
            Some(self.id.into()),
            self.name.clone().into_datum(),
            Some(self.base.into()),
            self.at.clone().into_datum(),
            self.values.clone().into_datum(),
            self.series.clone().into_datum(),
            Some(self.leaf.into()),
            Some((self.height as i16).into()),
        ]
    }

    /// All trees of the database.
    pub fn all(tables: &Tables) -> Vec<Definition> {
        let mut all = Vec::new();
        Table::read(tables.definition).scan(tables.definition_id, Snapshot::Latest, &[], |row| {
            all.push(Definition::of(row));
            true
        });
        all
    }

    /// The same, as the session remembers them.
    pub fn known() -> Rc<Vec<Definition>> {
        remembered(|known| known.definitions.clone())
    }

    /// What there is behind the names, or what is wrong with them: message and hint.
    pub fn resolve(&self) -> Result<Tree, (PgSqlErrorCode, String, &'static str)> {
        use PgSqlErrorCode::*;
        let find = |name: &str| {
            find_column(self.base, name).ok_or_else(|| {
                let table = relation_name(self.base);
                let message = format!("column \"{name}\" of table {table} does not exist");
                (ERRCODE_UNDEFINED_COLUMN, message, "Name columns of the base table.")
            })
        };
        let wrong_type = |column: &Column, what: &str, hint| {
            let message = format!("column \"{}\" of type {} {what}", column.name, type_name(column.type_oid));
            (ERRCODE_DATATYPE_MISMATCH, message, hint)
        };
        for name in [&self.at].into_iter().chain(&self.values).chain(&self.series) {
            if generated(self.base, find(name)?.number) == b'v' {
                let message = format!("column \"{name}\" is not stored");
                return Err((ERRCODE_FEATURE_NOT_SUPPORTED, message, "Generate it STORED."));
            }
        }
        let at = find(&self.at)?;
        let position = Position::of(at.type_oid).ok_or_else(|| {
            let hint = "A position is a timestamptz, timestamp, date or bigint.";
            wrong_type(&at, "cannot be the position of a power tree", hint)
        })?;
        let mut values = Vec::new();
        for name in &self.values {
            let column = find(name)?;
            let value = Value::of(column.type_oid).ok_or_else(|| {
                let hint = "Values are smallint, integer, bigint, real, double precision or numeric.";
                wrong_type(&column, "cannot be summarised", hint)
            })?;
            values.push((column, value));
        }
        let mut series = Vec::new();
        for name in &self.series {
            let column = find(name)?;
            let hint = "Equal values of the type must look the same: text, integers, dates, uuid and enums do, numeric, floats and json do not.";
            let key = KeyColumn::of(column.clone())
                .ok_or_else(|| wrong_type(&column, "cannot name a series", hint))?;
            series.push(key);
        }
        Ok(Tree {
            id: self.id,
            name: self.name.clone(),
            base: self.base,
            at,
            position,
            values,
            series,
            leaves: Leaves { width: self.leaf },
            height: self.height,
            kept: false,
            plans: RefCell::default(),
        })
    }
}

impl Tree {
    /// The tree of this name, of which nothing is told to whom its table would tell nothing.
    pub fn named(name: &str) -> Rc<Tree> {
        remembered(|known| {
            let definition = known.definitions.iter().find(|definition| definition.name == name);
            definition.map(|definition| (definition.id, definition.base))
        })
        .and_then(|(id, base)| {
            if !rights::may_select_any(base) && !rights::owns(base) {
                rights::denied(name);
            }
            Tree::numbered(id)
        })
        .unwrap_or_else(|| {
            raise(
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                format!("there is no power tree named \"{name}\""),
                "",
                "TABLE powertrees lists them; powertree_create() makes one.",
            )
        })
    }

    /// The tree of this number; None if there is none. An error if its columns are gone.
    pub fn numbered(id: i32) -> Option<Rc<Tree>> {
        Tree::look_up(id).map(|found| found.unwrap_or_else(|(code, message)| raise_gone(id, code, message)))
    }

    /// The same, or what is wrong with its columns.
    fn look_up(id: i32) -> Option<Result<Rc<Tree>, (PgSqlErrorCode, String)>> {
        if let Some(tree) = remembered(|known| known.trees.get(&id).cloned()) {
            return Some(Ok(tree));
        }
        let definition = remembered(|known| known.definitions.iter().find(|d| d.id == id).cloned())?;
        tables::watch_table(definition.base);
        let generation = tables::generation();
        Some(match definition.resolve() {
            Ok(mut tree) => {
                let state = State::read(&Tables::get(), id);
                tree.kept = state.is_some_and(|state| state.stale.is_none());
                let tree = Rc::new(tree);
                remember(generation, |known| {
                    known.trees.insert(id, tree.clone());
                });
                Ok(tree)
            }
            Err((code, message, _)) => Err((code, message)),
        })
    }

    /// The tree of this number, unless it is stale, or what is wrong with its columns.
    fn look_up_live(id: i32) -> Option<Result<Rc<Tree>, (PgSqlErrorCode, String)>> {
        if let Some(tree) = remembered(|known| known.trees.get(&id).cloned()) {
            return tree.kept.then_some(Ok(tree));
        }
        if remembered(|known| known.idle.contains(&id)) {
            return None;
        }
        let base = remembered(|known| known.definitions.iter().find(|d| d.id == id).map(|d| d.base))?;
        tables::watch_table(base);
        let generation = tables::generation();
        if State::read(&Tables::get(), id).is_some_and(|state| state.stale.is_none()) {
            return Tree::look_up(id);
        }
        remember(generation, |known| {
            known.idle.insert(id);
        });
        None
    }

    /// The tree of this number, unless it is stale. An error if its columns are gone.
    pub fn live(id: i32) -> Option<Rc<Tree>> {
        Tree::look_up_live(id)
            .map(|found| found.unwrap_or_else(|(code, message)| raise_gone(id, code, message)))
    }

    /// The tree of this number if triggers have to keep it in step; never an error, for what writers do must not fail.
    /// While its columns are gone, what is written has all leaves read from the table.
    pub fn to_keep(id: i32) -> Option<Rc<Tree>> {
        match Tree::look_up_live(id)? {
            Ok(tree) => Some(tree),
            Err(_) => {
                span::append_all(id, Reach::Later, "columns changed");
                None
            }
        }
    }
}

fn raise_gone(id: i32, code: PgSqlErrorCode, message: String) -> ! {
    let name = Definition::known().iter().find(|tree| tree.id == id).map(|tree| tree.name.clone());
    raise(
        code,
        message,
        format!("Power tree \"{}\" was made for it.", name.unwrap_or_default()),
        "Drop the tree with powertree_drop(), or bring the column back.",
    )
}

/// The column of this name, None if there is none.
pub fn find_column(relation: Oid, name: &str) -> Option<Column> {
    let c_name = c_string(name);
    let mut found = Column {
        name: name.to_owned(),
        number: 0,
        type_oid: Oid::INVALID,
        typmod: -1,
        collation: Oid::INVALID,
    };
    // SAFETY: look-ups in the catalog.
    unsafe {
        found.number = pg_sys::get_attnum(relation, c_name.as_ptr());
        if found.number <= 0 {
            return None;
        }
        pg_sys::get_atttypetypmodcoll(
            relation,
            found.number,
            &mut found.type_oid,
            &mut found.typmod,
            &mut found.collation,
        );
        found.type_oid = pg_sys::getBaseTypeAndTypmod(found.type_oid, &mut found.typmod);
    }
    Some(found)
}

/// How a column is generated, as the catalog says it: `s`tored, `v`irtual, or 0 if it is not.
pub fn generated(relation: Oid, number: i16) -> u8 {
    // SAFETY: the tuple is looked up and released.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::ATTNUM as i32;
        let tuple = pg_sys::SearchSysCache2(cache, relation.into(), number.into());
        if tuple.is_null() {
            return 0;
        }
        let generated = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_attribute>()).attgenerated;
        pg_sys::ReleaseSysCache(tuple);
        generated as u8
    }
}

/// A type as SQL names it.
pub fn type_name(type_oid: Oid) -> String {
    // SAFETY: a look-up; the result is a C string.
    unsafe { text(pg_sys::format_type_be(type_oid)) }.unwrap_or_default()
}

#[derive(Default)]
struct Known {
    generation: Option<u64>,
    definitions: Rc<Vec<Definition>>,
    trees: HashMap<i32, Rc<Tree>>,
    /// Trees that are not kept in step.
    idle: HashSet<i32>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// Looks into what is remembered, which is made anew if anything has changed.
fn remembered<R>(look: impl FnOnce(&mut Known) -> R) -> R {
    let tables = Tables::get();
    if KNOWN.with_borrow(|known| known.generation) != Some(tables::generation()) {
        // A change that comes while reading is noticed the next time.
        let generation = Some(tables::generation());
        let definitions = Rc::new(Definition::all(&tables));
        let known = Known { generation, definitions, ..Known::default() };
        // The old plans are freed outside of the borrow: that calls PostgreSQL.
        drop(KNOWN.replace(known));
    }
    KNOWN.with_borrow_mut(look)
}

/// Remembers what was found out since `generation`, unless something has changed meanwhile: that would be forgotten.
fn remember(generation: u64, note: impl FnOnce(&mut Known)) {
    if tables::generation() == generation {
        KNOWN.with_borrow_mut(|known| {
            if known.generation == Some(generation) {
                note(known);
            }
        });
    }
}
