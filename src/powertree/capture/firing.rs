//! The event for which a trigger function is called.
//!
//! Users who own a table, or have the TRIGGER privilege, can make triggers of any kind that call any trigger function.
//! A function that did not check its event would silently drop rows, count them twice, or read invalid memory.

use crate::pg::error::raise;
use crate::pg::name::{relation_name, text};
use pgrx::pg_sys::{self, FunctionCallInfo, TriggerData};
use pgrx::PgSqlErrorCode;
use std::ffi::CStr;

/// The data of the event that is being handled.
#[derive(Clone, Copy)]
pub struct Firing<'a>(&'a TriggerData);

/// The kinds of trigger that keep a tree in step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// BEFORE a statement that writes rows.
    Before,
    /// AFTER an INSERT statement, with the new rows.
    Insert,
    /// AFTER an UPDATE statement, with the old and the new rows.
    Update,
    /// AFTER a DELETE statement, with the old rows.
    Delete,
    /// BEFORE a TRUNCATE.
    Truncate,
    /// AFTER each row that replication writes.
    Row,
}

impl<'a> Firing<'a> {
    /// Returns the event; raises an error unless `function` was called as a trigger.
    pub fn of(fcinfo: FunctionCallInfo, function: &str) -> Firing<'a> {
        // SAFETY: a function's context is null or a node, whose tag says which structure it is.
        let data = unsafe {
            let data = (*fcinfo).context.cast::<TriggerData>().as_ref();
            data.filter(|data| data.type_ == pg_sys::NodeTag::T_TriggerData)
        };
        Firing(data.unwrap_or_else(|| {
            raise(
                PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                format!("{function}() was not called as a trigger"),
                "",
                "Its triggers are made by pg_tally.",
            )
        }))
    }

    pub fn data(self) -> &'a TriggerData {
        self.0
    }

    pub fn relation(self) -> pg_sys::Oid {
        // SAFETY: the relation of the event is open.
        unsafe { (*self.0.tg_relation).rd_id }
    }

    /// Returns the kind of trigger; None if no trigger of pg_tally is of that kind.
    pub fn event(self) -> Option<Event> {
        let data = self.0;
        let is = |mask: u32, flags: u32| data.tg_event & mask == flags;
        let before = is(pg_sys::TRIGGER_EVENT_TIMINGMASK, pg_sys::TRIGGER_EVENT_BEFORE);
        let after = is(pg_sys::TRIGGER_EVENT_TIMINGMASK, pg_sys::TRIGGER_EVENT_AFTER);
        let row = data.tg_event & pg_sys::TRIGGER_EVENT_ROW != 0;
        let (old, new) = (!data.tg_oldtable.is_null(), !data.tg_newtable.is_null());
        match data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK {
            pg_sys::TRIGGER_EVENT_TRUNCATE => before.then_some(Event::Truncate),
            _ if before && !row => Some(Event::Before),
            _ if !after => None,
            _ if row => Some(Event::Row),
            pg_sys::TRIGGER_EVENT_INSERT => new.then_some(Event::Insert),
            pg_sys::TRIGGER_EVENT_UPDATE => (old && new).then_some(Event::Update),
            _ => old.then_some(Event::Delete),
        }
    }

    /// The name of the trigger.
    pub fn name(self) -> String {
        // SAFETY: a trigger has a name.
        unsafe { text((*self.0.tg_trigger).tgname) }.unwrap_or_default()
    }

    /// The only argument of the trigger; None if it has none, or several.
    pub fn argument(self) -> Option<&'a str> {
        // SAFETY: a trigger has as many arguments as it says, all of them C strings.
        unsafe {
            let trigger = &*self.0.tg_trigger;
            let argument = (trigger.tgnargs == 1).then(|| CStr::from_ptr(*trigger.tgargs));
            argument.and_then(|argument| argument.to_str().ok())
        }
    }

    /// Refuses a trigger that pg_tally did not make.
    pub fn refuse(self, function: &str, hint: &str) -> ! {
        raise(
            PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
            format!(
                "trigger \"{}\" of table {} must not call {function}()",
                self.name(),
                relation_name(self.relation())
            ),
            "",
            hint,
        )
    }
}
