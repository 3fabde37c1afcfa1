//! Triggers, and the events for which they fire.

use super::slot::Slot;
use super::transition::TransitionTable;
use super::tree::NodeRef;
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
        // SAFETY: the relation is held while its triggers are looked at, which are as many as it says.
        unsafe {
            let relation = pg_sys::RelationIdGetRelation(relation);
            if relation.is_null() {
                return false;
            }
            let found = (*relation).trigdesc.as_ref().is_some_and(|all| {
                let triggers = std::slice::from_raw_parts(all.triggers, all.numtriggers as usize);
                triggers.iter().any(|trigger| test(Trigger::new(trigger)))
            });
            pg_sys::RelationClose(relation);
            found
        }
    }
}

/// The event for which a trigger function is called.
#[derive(Clone, Copy)]
pub struct TriggerEvent<'e>(NodeRef<'e, TriggerData>);

impl<'e> TriggerEvent<'e> {
    pub fn new(data: NodeRef<'e, TriggerData>) -> TriggerEvent<'e> {
        TriggerEvent(data)
    }

    /// Whether the bits of its kind under a mask are these.
    pub fn is(self, mask: u32, kind: u32) -> bool {
        self.0.tg_event & mask == kind
    }

    /// The relation whose rows are changed.
    pub fn relation(self) -> Oid {
        // SAFETY: the relation of the running event is open.
        unsafe { (*self.0.tg_relation).rd_id }
    }

    /// The trigger that fires.
    pub fn trigger(self) -> Trigger<'e> {
        // SAFETY: PostgreSQL keeps the trigger, and the relation open, until the event is over.
        unsafe { Trigger::new(&*self.0.tg_trigger) }
    }

    /// The old and the new rows of the statement; None if the trigger has no table of them.
    pub fn rows(self) -> [Option<TransitionTable<'e>>; 2] {
        let tables = [self.0.tg_oldtable, self.0.tg_newtable];
        // SAFETY: a transition table of the running event outlives it, and has rows of its relation.
        tables.map(|rows| unsafe { TransitionTable::new(self.0.tg_relation, rows) })
    }

    /// The versions of the row for which the trigger fires.
    pub fn versions(self) -> impl Iterator<Item = Slot<'e>> {
        let slots = [self.0.tg_trigslot, self.0.tg_newslot];
        // SAFETY: the slots of the running event hold rows of its relation until it is over.
        slots.into_iter().filter(|slot| !slot.is_null()).map(|slot| unsafe { Slot::new(slot) })
    }
}
