//! The event for which a trigger function is called.
//!
//! Users who own a table, or have the TRIGGER privilege, can make triggers of any kind that call any trigger function.
//! A function that did not check its event would silently drop rows, count them twice, or read invalid memory.

use crate::pg::calls::call::Call;
use crate::pg::calls::trigger::TriggerEvent;
use crate::pg::server::error::raise;
use crate::pg::server::name::relation_name;
use pgrx::pg_sys::{self, Oid};
use pgrx::PgSqlErrorCode;

/// The event that is being handled.
#[derive(Clone, Copy)]
pub struct Firing<'a>(TriggerEvent<'a>);

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
    pub fn of(call: Call<'a>, function: &str) -> Firing<'a> {
        Firing(call.trigger().unwrap_or_else(|| {
            raise(
                PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                format!("{function}() was not called as a trigger"),
                "",
                "Its triggers are made by pg_tally.",
            )
        }))
    }

    /// The event as PostgreSQL describes it.
    pub fn event(self) -> TriggerEvent<'a> {
        self.0
    }

    pub fn relation(self) -> Oid {
        self.0.relation
    }

    /// Returns the kind of trigger; None if no trigger of pg_tally is of that kind.
    pub fn kind(self) -> Option<Event> {
        let event = self.0;
        let before = event.is(pg_sys::TRIGGER_EVENT_TIMINGMASK, pg_sys::TRIGGER_EVENT_BEFORE);
        let after = event.is(pg_sys::TRIGGER_EVENT_TIMINGMASK, pg_sys::TRIGGER_EVENT_AFTER);
        let row = event.is(pg_sys::TRIGGER_EVENT_ROW, pg_sys::TRIGGER_EVENT_ROW);
        let of = |command| event.is(pg_sys::TRIGGER_EVENT_OPMASK, command);
        let [old, new] = event.rows.map(|rows| rows.is_some());
        match () {
            () if of(pg_sys::TRIGGER_EVENT_TRUNCATE) => before.then_some(Event::Truncate),
            () if before && !row => Some(Event::Before),
            () if !after => None,
            () if row => Some(Event::Row),
            () if of(pg_sys::TRIGGER_EVENT_INSERT) => new.then_some(Event::Insert),
            () if of(pg_sys::TRIGGER_EVENT_UPDATE) => (old && new).then_some(Event::Update),
            () => old.then_some(Event::Delete),
        }
    }

    /// The name of the trigger.
    fn name(self) -> String {
        self.0.trigger.name.to_string_lossy().into_owned()
    }

    /// The only argument of the trigger; None if it has none, or several.
    pub fn argument(self) -> Option<&'a str> {
        self.0.trigger.argument.and_then(|argument| argument.to_str().ok())
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
