//! Triggers, and the events for which they fire.

use crate::pg::nodes::tree::NodeRef;
use crate::pg::tables::open_relation::OpenRelation;
use crate::pg::tables::slot::Slot;
use crate::pg::tables::transition::TransitionTable;
use pgrx::pg_sys::{self, Oid, TriggerData};
use std::ffi::{c_char, CStr};

/// A trigger of a relation in use.
#[derive(Clone, Copy)]
pub struct Trigger<'r> {
    pub name: &'r CStr,
    /// The only argument; None if there is none, or several.
    pub argument: Option<&'r CStr>,
    pub old_table: Option<&'r CStr>,
    pub new_table: Option<&'r CStr>,
    /// The rest of what PostgreSQL knows of it.
    pub definition: &'r pg_sys::Trigger,
}

impl<'r> Trigger<'r> {
    /// # Safety
    /// A trigger of a relation that is open, and stays so for `'r`.
    unsafe fn new(definition: &'r pg_sys::Trigger) -> Trigger<'r> {
        // SAFETY: the names of the caller's trigger are C strings, or null where there may be none; there are as many
        // arguments as it says.
        unsafe {
            let string = |name: *const c_char| (!name.is_null()).then(|| CStr::from_ptr(name));
            Trigger {
                name: CStr::from_ptr(definition.tgname),
                argument: (definition.tgnargs == 1).then(|| CStr::from_ptr(*definition.tgargs)),
                old_table: string(definition.tgoldtable),
                new_table: string(definition.tgnewtable),
                definition,
            }
        }
    }

    /// Whether a relation has a trigger of which `test` holds. Reads only what PostgreSQL keeps in memory about a
    /// relation in use, on which the session has a lock.
    pub fn any(relation: Oid, test: impl Fn(Trigger) -> bool) -> bool {
        let Some(relation) = OpenRelation::known(relation) else { return false };
        // SAFETY: the relation is open while its triggers are looked at, which are as many as it says.
        unsafe {
            relation.trigdesc.as_ref().is_some_and(|all| {
                let triggers = std::slice::from_raw_parts(all.triggers, all.numtriggers as usize);
                triggers.iter().any(|trigger| test(Trigger::new(trigger)))
            })
        }
    }
}

/// The event for which a trigger function is called.
#[derive(Clone, Copy)]
pub struct TriggerEvent<'e> {
    kind: u32,
    /// The relation whose rows are changed.
    pub relation: Oid,
    /// The trigger that fires.
    pub trigger: Trigger<'e>,
    /// The old and the new rows of the statement; None if the trigger has no table of them.
    pub rows: [Option<TransitionTable<'e>>; 2],
    versions: [Option<Slot<'e>>; 2],
}

impl<'e> TriggerEvent<'e> {
    pub fn new(data: NodeRef<'e, TriggerData>) -> TriggerEvent<'e> {
        let (relation, tables) = (data.tg_relation, [data.tg_oldtable, data.tg_newtable]);
        // SAFETY: PostgreSQL keeps the trigger, and the relation open, until the event is over; as long there are the transition
        // tables, which have rows of the relation, and the slots, which hold rows of it.
        unsafe {
            TriggerEvent {
                kind: data.tg_event,
                relation: (*relation).rd_id,
                trigger: Trigger::new(&*data.tg_trigger),
                rows: tables.map(|rows| TransitionTable::new(relation, rows)),
                versions: [data.tg_trigslot, data.tg_newslot]
                    .map(|slot| (!slot.is_null()).then(|| Slot::new(slot))),
            }
        }
    }

    /// Whether the bits of its kind under a mask are these.
    pub fn is(self, mask: u32, kind: u32) -> bool {
        self.kind & mask == kind
    }

    /// The versions of the row for which the trigger fires.
    pub fn versions(self) -> impl Iterator<Item = Slot<'e>> {
        self.versions.into_iter().flatten()
    }
}
