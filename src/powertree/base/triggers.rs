//! The triggers that keep a tree in step with its table.

use crate::pg::calls::trigger::Trigger;
use crate::pg::memory::heap;
use crate::pg::server::lookup::drop_internally;
use crate::pg::server::name::c_string;
use crate::pg::tables::catalog::{advance, name_text, scan, CatalogRow};
use crate::pg::tables::fence;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};
use std::ffi::CStr;
use std::io::Write;

/// The names of a trigger's transition tables of old and of new rows.
const OLD: &CStr = c"powertree_old";
const NEW: &CStr = c"powertree_new";

const ROW: u32 = pg_sys::TRIGGER_TYPE_ROW;
const BEFORE: u32 = pg_sys::TRIGGER_TYPE_BEFORE;
const INSERT: u32 = pg_sys::TRIGGER_TYPE_INSERT;
const UPDATE: u32 = pg_sys::TRIGGER_TYPE_UPDATE;
const DELETE: u32 = pg_sys::TRIGGER_TYPE_DELETE;
const TRUNCATE: u32 = pg_sys::TRIGGER_TYPE_TRUNCATE;

/// The required form of one of a tree's triggers.
struct TriggerKind {
    event: &'static str,
    /// Flags of `tgtype`; AFTER and FOR EACH STATEMENT are the default.
    when: u32,
    /// Whether the trigger has a transition table of old rows, and one of new rows.
    old: bool,
    new: bool,
    /// The value of `tgenabled`.
    fires: u8,
}

/// One trigger for each kind of event: PostgreSQL allows only one where there are transition tables.
const KINDS: [TriggerKind; 6] = [
    // From this trigger on the session must not trust the tree.
    TriggerKind {
        event: "before",
        when: BEFORE | INSERT | UPDATE | DELETE,
        old: false,
        new: false,
        fires: pg_sys::TRIGGER_FIRES_ON_ORIGIN,
    },
    TriggerKind {
        event: "insert",
        when: INSERT,
        old: false,
        new: true,
        fires: pg_sys::TRIGGER_FIRES_ON_ORIGIN,
    },
    TriggerKind {
        event: "update",
        when: UPDATE,
        old: true,
        new: true,
        fires: pg_sys::TRIGGER_FIRES_ON_ORIGIN,
    },
    TriggerKind {
        event: "delete",
        when: DELETE,
        old: true,
        new: false,
        fires: pg_sys::TRIGGER_FIRES_ON_ORIGIN,
    },
    TriggerKind {
        event: "truncate",
        when: BEFORE | TRUNCATE,
        old: false,
        new: false,
        fires: pg_sys::TRIGGER_FIRES_ALWAYS,
    },
    // Replication applies rows one by one, where no statement trigger fires.
    TriggerKind {
        event: "replica",
        when: ROW | INSERT | UPDATE | DELETE,
        old: false,
        new: false,
        fires: pg_sys::TRIGGER_FIRES_ON_REPLICA,
    },
];

impl TriggerKind {
    /// Whether PostgreSQL clones the trigger to partitions, as it does with row triggers.
    fn is_cloned(&self) -> bool {
        self.when & ROW != 0
    }
}

/// The name of a trigger.
fn name(tree: i32, event: &str) -> String {
    format!("powertree_{tree}_{event}")
}

/// The tree that a trigger of this name keeps in step; None if it is no such trigger.
pub fn tree_of(trigger: &str) -> Option<i32> {
    let (tree, event) = trigger.strip_prefix("powertree_")?.split_once('_')?;
    let ours = KINDS.iter().any(|kind| kind.event == event);
    tree.parse().ok().filter(|_| ours)
}

/// The definition of a trigger in the catalog.
struct KnownTrigger {
    oid: Oid,
    name: String,
    /// Whether the trigger calls the function that keeps trees in step.
    captures: bool,
    /// The first of its arguments.
    argument: Option<String>,
    when: u32,
    fires: u8,
    cloned: bool,
    old: Option<String>,
    new: Option<String>,
    /// Whether the trigger has a condition, a list of columns, a constraint, or a further argument.
    special: bool,
}

impl KnownTrigger {
    /// Whether the trigger is exactly what [`install`] makes for this tree.
    fn is(&self, kind: &TriggerKind, tree: i32) -> bool {
        let table = |wanted: bool, name: &CStr| wanted.then(|| name.to_string_lossy().into_owned());
        self.name == name(tree, kind.event)
            && self.captures
            && self.argument.as_deref() == Some(tree.to_string().as_str())
            && self.when == kind.when
            && self.fires == kind.fires
            && self.old == table(kind.old, OLD)
            && self.new == table(kind.new, NEW)
            && !self.special
            && (!self.cloned || kind.is_cloned())
    }

    /// Whether a trigger belongs to this tree, changed or not.
    fn is_of(&self, tree: i32) -> bool {
        tree_of(&self.name) == Some(tree)
            || self.captures && self.argument.as_deref() == Some(tree.to_string().as_str())
    }
}

/// Whether a trigger that fires is one that [`install`] made. Any other that calls the same function would count rows
/// twice, or rows of another event.
pub fn is_ours(trigger: Trigger, tree: i32) -> bool {
    let definition = trigger.definition;
    // No allocations, since every statement that writes comes here.
    let Some(argument) = trigger.argument.map(CStr::to_bytes) else { return false };
    is_number(argument, tree)
        && definition.tgqual.is_null()
        && definition.tgnattr == 0
        && definition.tgconstraint == Oid::INVALID
        && KINDS.iter().any(|kind| {
            definition.tgtype as u32 == kind.when
                && definition.tgenabled as u8 == kind.fires
                && trigger.old_table == kind.old.then_some(OLD)
                && trigger.new_table == kind.new.then_some(NEW)
                && is_name(trigger.name.to_bytes(), argument, kind.event)
        })
}

/// Whether the argument of a trigger is just this number.
fn is_number(argument: &[u8], number: i32) -> bool {
    let mut written = [0; 11];
    let mut rest = &mut written[..];
    let fits = write!(rest, "{number}").is_ok();
    let length = 11 - rest.len();
    fits && argument == &written[..length]
}

/// Whether `found` is the [`name`] of the trigger with this argument.
fn is_name(found: &[u8], argument: &[u8], event: &str) -> bool {
    let rest = found.strip_prefix(b"powertree_").and_then(|rest| rest.strip_prefix(argument));
    rest.and_then(|rest| rest.strip_prefix(b"_")) == Some(event.as_bytes())
}

/// Creates or replaces the triggers of a relation, the base table or one of its partitions.
pub fn install(tree: i32, relation: Oid, base: Oid) {
    let function = Tables::get().capture;
    fence::for_catalog(|| {
        for kind in KINDS.iter().filter(|kind| relation == base || !kind.is_cloned()) {
            create(tree, relation, function, kind);
        }
    });
    advance();
}

fn create(tree: i32, relation: Oid, function: Oid, kind: &TriggerKind) {
    let (name, argument) = (c_string(&name(tree, kind.event)), c_string(&tree.to_string()));
    // SAFETY: the statement is as the parser would make it, in memory of the running statement; PostgreSQL copies
    // names.
    unsafe {
        let mut tables = std::ptr::null_mut();
        for (_, name, new) in [(kind.old, OLD, false), (kind.new, NEW, true)].iter().filter(|table| table.0) {
            let table = pg_sys::palloc0(size_of::<pg_sys::TriggerTransition>());
            let table = table.cast::<pg_sys::TriggerTransition>();
            (*table).type_ = pg_sys::NodeTag::T_TriggerTransition;
            (*table).name = pg_sys::pstrdup(name.as_ptr());
            (*table).isNew = *new;
            (*table).isTable = true;
            tables = pg_sys::lappend(tables, table.cast());
        }
        let argument = pg_sys::makeString(pg_sys::pstrdup(argument.as_ptr()));
        let mut statement = pg_sys::CreateTrigStmt {
            type_: pg_sys::NodeTag::T_CreateTrigStmt,
            replace: true,
            trigname: pg_sys::pstrdup(name.as_ptr()),
            args: pg_sys::lappend(std::ptr::null_mut(), argument.cast()),
            row: kind.when & ROW != 0,
            timing: (kind.when & BEFORE) as i16,
            events: (kind.when & (INSERT | UPDATE | DELETE | TRUNCATE)) as i16,
            transitionRels: tables,
            ..Default::default()
        };
        pg_sys::CreateTriggerFiringOn(
            &mut statement,
            c"".as_ptr(),
            relation,
            Oid::INVALID,
            Oid::INVALID,
            Oid::INVALID,
            function,
            Oid::INVALID,
            std::ptr::null_mut(),
            false,
            false,
            kind.fires as std::ffi::c_char,
        );
    }
}

/// Drops the triggers of a relation.
pub fn remove(tree: i32, relation: Oid) {
    let found = all(relation);
    fence::for_catalog(|| {
        // Triggers that the base table gave to a partition are dropped with it.
        for trigger in
            found.iter().filter(|trigger| trigger.captures && trigger.is_of(tree) && !trigger.cloned)
        {
            drop_internally(pg_sys::TriggerRelationId, trigger.oid);
        }
    });
}

/// Whether the relation has all triggers of a tree exactly as [`install`] makes them.
pub fn are_right(tree: i32, relation: Oid) -> bool {
    let known = all(relation);
    KINDS.iter().all(|kind| known.iter().any(|trigger| trigger.is(kind, tree)))
}

/// Whether the relation has any trigger of a tree of its own.
pub fn any(tree: i32, relation: Oid) -> bool {
    all(relation).iter().any(|trigger| trigger.is_of(tree) && !trigger.cloned)
}

/// Whether a relation may have triggers of trees: some have such names. Reads only what PostgreSQL keeps in memory
/// about a relation in use.
pub fn may_have_trees(relation: Oid) -> bool {
    Trigger::any(relation, |trigger| trigger.name.to_bytes().starts_with(b"powertree_"))
}

/// The trees whose triggers a relation has. Their names are checked too: a user may make other triggers that call the
/// same function.
pub fn trees(relation: Oid) -> Vec<i32> {
    let mut trees: Vec<i32> = all(relation)
        .iter()
        .filter(|trigger| trigger.captures && !trigger.cloned)
        .filter_map(|trigger| {
            let tree = trigger.argument.as_ref()?.parse().ok()?;
            (tree_of(&trigger.name) == Some(tree)).then_some(tree)
        })
        .collect();
    trees.sort_unstable();
    trees.dedup();
    trees
}

/// All relations that have triggers of trees.
pub fn relations() -> Vec<Oid> {
    let mut relations = Vec::new();
    let function = Tables::get().capture;
    scan(pg_sys::TriggerRelationId, None, None, |row| {
        let trigger = row.form::<pg_sys::FormData_pg_trigger>();
        if trigger.tgfoid == function {
            heap::room(&mut relations, 1);
            relations.push(trigger.tgrelid);
        }
        true
    });
    relations
}

/// The triggers of a relation.
fn all(relation: Oid) -> Vec<KnownTrigger> {
    let mut known = Vec::new();
    let function = Tables::get().capture;
    let (index, key) = (Oid::from(pg_sys::TriggerRelidNameIndexId), pg_sys::Anum_pg_trigger_tgrelid);
    scan(pg_sys::TriggerRelationId, Some(index), Some((key, relation)), |row| {
        known.push(KnownTrigger::of(row, function));
        true
    });
    known
}

impl KnownTrigger {
    /// Reads what the catalog says of a trigger.
    fn of(row: &CatalogRow, function: Oid) -> KnownTrigger {
        let trigger = row.form::<pg_sys::FormData_pg_trigger>();
        // The arguments are consecutive C strings.
        let argument = row.bytes(pg_sys::Anum_pg_trigger_tgargs).and_then(|arguments| {
            CStr::from_bytes_until_nul(&arguments).ok().map(|first| first.to_string_lossy().into_owned())
        });
        KnownTrigger {
            oid: trigger.oid,
            name: name_text(&trigger.tgname),
            captures: trigger.tgfoid == function,
            argument,
            when: trigger.tgtype as u32,
            fires: trigger.tgenabled as u8,
            cloned: trigger.tgparentid != Oid::INVALID,
            old: row.name(pg_sys::Anum_pg_trigger_tgoldtable),
            new: row.name(pg_sys::Anum_pg_trigger_tgnewtable),
            special: trigger.tgnargs != 1
                || trigger.tgattr.dim1 != 0
                || trigger.tgconstraint != Oid::INVALID
                || row.column(pg_sys::Anum_pg_trigger_tgqual).is_some(),
        }
    }
}
