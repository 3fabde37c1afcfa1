//! Trees as a session remembers them.

use super::key::KeyColumn;
use super::position::Position;
use super::question::Query;
use super::rights;
use super::value::ValueType;
use crate::pg::server::error::{excerpt, raise};
use crate::pg::server::kept::{kept, replace, Kept};
use crate::pg::server::name::relation_name;
use crate::pg::tables::column::{find_column, generated, type_name, Column};
use crate::pg::tables::spi::Plan;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::generation;
use crate::powertree::store::span::{self, Reach};
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::Oid;
use pgrx::PgSqlErrorCode;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use tally_stats::tree::Leaves;

/// The number of a compaction, and its time.
pub type Compaction = (i64, Option<i64>);

/// The nodes of a tree, as of a compaction.
#[derive(Clone, Copy)]
pub struct Size {
    pub compacted: Compaction,
    /// The first and the last position of all rows.
    pub extent: Option<(i64, i64)>,
}

/// The entries of the log, as of a compaction.
#[derive(Clone, Copy)]
pub struct CountedLog {
    pub compacted: Compaction,
    /// The transaction that was the next one when they were counted.
    pub before: u64,
    pub entries: i64,
}

/// The mean number of rows of a leaf that has any, and of such leaves of a block.
#[derive(Clone, Copy, Debug)]
pub struct Density {
    pub rows_of_leaf: f64,
    pub leaves_of_block: f64,
}

/// A power tree.
pub struct Tree {
    pub id: i32,
    pub name: String,
    pub base: Oid,
    pub at: Column,
    pub position: Position,
    pub values: Vec<(Column, ValueType)>,
    pub series: Vec<KeyColumn>,
    pub leaves: Leaves,
    pub height: u32,
    /// Whether triggers keep the tree in step.
    pub kept: bool,
    /// The size that this session read last.
    pub size: RefCell<Option<Size>>,
    /// The log that this session counted last.
    pub logged: Cell<Option<CountedLog>>,
    /// The density that this session found out last; None in it without nodes.
    pub density: RefCell<Option<(Compaction, Option<Density>)>>,
    /// The queries of the base table that this session has prepared.
    pub plans: RefCell<HashMap<(Query, usize), Rc<Plan>>>,
}

impl Tree {
    /// Looks up the columns of a definition; an error has a message and a hint.
    pub fn of(definition: &Definition) -> Result<Tree, (PgSqlErrorCode, String, &'static str)> {
        use PgSqlErrorCode::*;
        let find = |name: &str| {
            find_column(definition.base, name).ok_or_else(|| {
                let table = relation_name(definition.base);
                let message = format!("column \"{}\" of table {table} does not exist", excerpt(name));
                (ERRCODE_UNDEFINED_COLUMN, message, "Name columns of the base table.")
            })
        };
        let wrong_type = |column: &Column, what: &str, hint| {
            let message = format!("column \"{}\" of type {} {what}", column.name, type_name(column.type_oid));
            (ERRCODE_DATATYPE_MISMATCH, message, hint)
        };
        for name in [&definition.at].into_iter().chain(&definition.values).chain(&definition.series) {
            if generated(definition.base, find(name)?.number) == b'v' {
                let message = format!("column \"{name}\" is not stored");
                return Err((ERRCODE_FEATURE_NOT_SUPPORTED, message, "Generate it STORED."));
            }
        }
        let at = find(&definition.at)?;
        let position = Position::of(at.type_oid).ok_or_else(|| {
            let hint = "A position is a timestamptz, timestamp, date or bigint.";
            wrong_type(&at, "cannot be the position of a power tree", hint)
        })?;
        let mut values = Vec::new();
        for name in &definition.values {
            let column = find(name)?;
            let value = ValueType::of(column.type_oid).ok_or_else(|| {
                let hint = "Values are smallint, integer, bigint, real, double precision or numeric.";
                wrong_type(&column, "cannot be summarised", hint)
            })?;
            values.push((column, value));
        }
        let mut series = Vec::new();
        for name in &definition.series {
            let column = find(name)?;
            let hint = "Equal values of the type must look the same: text, integers, dates, uuid and enums do, numeric, floats and json do not.";
            let key = KeyColumn::of(column.clone())
                .ok_or_else(|| wrong_type(&column, "cannot name a series", hint))?;
            series.push(key);
        }
        Ok(Tree {
            id: definition.id,
            name: definition.name.clone(),
            base: definition.base,
            at,
            position,
            values,
            series,
            leaves: Leaves { width: definition.leaf },
            height: definition.height,
            kept: false,
            size: RefCell::default(),
            logged: Cell::default(),
            density: RefCell::default(),
            plans: RefCell::default(),
        })
    }

    /// The types of its columns: position, values, then series.
    pub fn types(&self) -> Vec<Oid> {
        let columns = [&self.at].into_iter().chain(self.values.iter().map(|(column, _)| column));
        columns.chain(self.series.iter().map(|key| &key.column)).map(|column| column.type_oid).collect()
    }

    /// Finds the tree of this name. Callers who may not read its table learn nothing about it.
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
        .unwrap_or_else(|| missing(name))
    }

    /// Finds the tree of this number; None if there is none. Raises an error if its columns are gone.
    pub fn numbered(id: i32) -> Option<Rc<Tree>> {
        Tree::look_up(id).map(|found| found.unwrap_or_else(|(code, message)| raise_gone(id, code, message)))
    }

    /// Finds the tree of this number, or the error about its columns; None if there is none.
    fn look_up(id: i32) -> Option<Result<Rc<Tree>, (PgSqlErrorCode, String)>> {
        if let Some(tree) = remembered(|known| known.trees.get(&id).cloned()) {
            return Some(Ok(tree));
        }
        let definition = remembered(|known| known.definitions.iter().find(|d| d.id == id).cloned())?;
        generation::watch_table(definition.base);
        let generation = generation::current();
        Some(match Tree::of(&definition) {
            Ok(mut tree) => {
                let state = TreeState::read(&Tables::get(), id);
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

    /// Finds the tree of this number, or the error about its columns; None if it is stale.
    fn look_up_live(id: i32) -> Option<Result<Rc<Tree>, (PgSqlErrorCode, String)>> {
        if let Some(tree) = remembered(|known| known.trees.get(&id).cloned()) {
            return tree.kept.then_some(Ok(tree));
        }
        if remembered(|known| known.idle.contains(&id)) {
            return None;
        }
        let base = remembered(|known| known.definitions.iter().find(|d| d.id == id).map(|d| d.base))?;
        generation::watch_table(base);
        let generation = generation::current();
        if TreeState::read(&Tables::get(), id).is_some_and(|state| state.stale.is_none()) {
            return Tree::look_up(id);
        }
        remember(generation, |known| {
            known.idle.insert(id);
        });
        None
    }

    /// Finds the tree of this number; None if it is stale. Raises an error if its columns are gone.
    pub fn live(id: i32) -> Option<Rc<Tree>> {
        Tree::look_up_live(id)
            .map(|found| found.unwrap_or_else(|(code, message)| raise_gone(id, code, message)))
    }

    /// Finds the tree of this number; None if it is stale or its columns are gone.
    pub fn usable(id: i32) -> Option<Rc<Tree>> {
        Tree::look_up_live(id)?.ok()
    }

    /// Finds the tree of this number if triggers have to keep it in step. Raises no error, since writers must not fail:
    /// while its columns are gone, a write marks all leaves to be read from the table.
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

/// Raises the error that there is no tree of this name.
pub fn missing(name: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("power tree \"{}\" does not exist", excerpt(name)),
        "",
        "TABLE powertrees lists the power trees; powertree_create() makes one.",
    )
}

fn raise_gone(id: i32, code: PgSqlErrorCode, message: String) -> ! {
    let name = definitions().iter().find(|tree| tree.id == id).map(|tree| tree.name.clone());
    raise(
        code,
        message,
        format!("Power tree \"{}\" was made for the column.", name.unwrap_or_default()),
        "Drop the tree with powertree_drop(), or bring the column back.",
    )
}

/// All trees of the database, as the session remembers them.
pub fn definitions() -> Rc<Vec<Definition>> {
    remembered(|known| known.definitions.clone())
}

/// The tables of the extension and all trees; None if there are no trees, or while the extension is being created or
/// dropped.
pub fn known_trees() -> Option<(Tables, Rc<Vec<Definition>>)> {
    let tables = Tables::known()?;
    let trees = definitions();
    (!trees.is_empty()).then_some((tables, trees))
}

#[derive(Default)]
struct KnownTrees {
    generation: Option<u64>,
    definitions: Rc<Vec<Definition>>,
    trees: HashMap<i32, Rc<Tree>>,
    /// Trees that are not kept in step.
    idle: HashSet<i32>,
}

thread_local! {
    static KNOWN: Kept<KnownTrees> = kept(KnownTrees::default());
}

/// Calls `look` with the trees that the session remembers, which are read again if anything has changed.
fn remembered<R>(look: impl FnOnce(&mut KnownTrees) -> R) -> R {
    let tables = Tables::get();
    if KNOWN.with_borrow(|known| known.generation) != Some(generation::current()) {
        // A change that arrives during the read is noticed the next time.
        let generation = Some(generation::current());
        let definitions = Rc::new(Definition::all(&tables));
        let known = KnownTrees { generation, definitions, ..KnownTrees::default() };
        // The old plans are freed outside of the borrow, since that calls PostgreSQL.
        drop(replace(&KNOWN, known));
    }
    KNOWN.with_borrow_mut(|known| look(known))
}

/// Remembers what was found in `generation`, unless a newer one has begun.
fn remember(generation: u64, note: impl FnOnce(&mut KnownTrees)) {
    if generation::current() == generation {
        KNOWN.with_borrow_mut(|known| {
            if known.generation == Some(generation) {
                note(known);
            }
        });
    }
}
