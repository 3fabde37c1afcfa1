//! The relations that the running command has changed, taken from PostgreSQL's invalidation messages. No command needs
//! to be known by name, and one that changes no table of a tree costs next to nothing.

use crate::pg::server::callback::{at_end_of_transactions, on_change_of_relations};
use pgrx::pg_sys::{self, Datum, Oid};
use std::cell::RefCell;

/// The most relations noted for one command; a command that changes more is taken to have changed everything.
const MOST: usize = 256;

struct Touched {
    /// The depth of nested commands.
    depth: u32,
    relations: [u32; MOST],
    count: usize,
    all: bool,
    /// Whether one of the commands detaches a partition.
    detaches: bool,
    /// The table that a command attaches as a partition; 0 if there is none.
    attached: u32,
}

thread_local! {
    static TOUCHED: RefCell<Touched> =
        const {
        RefCell::new(Touched {
            depth: 0,
            relations: [0; MOST],
            count: 0,
            all: false,
            detaches: false,
            attached: 0,
        })
    };
}

/// Registers callbacks for changes of relations; once, when the library is loaded.
pub fn watch() {
    on_change_of_relations(relation_changed);
    at_end_of_transactions(transaction_ended);
}

extern "C-unwind" fn relation_changed(_: Datum, relation: Oid) {
    note(relation);
}

extern "C-unwind" fn transaction_ended(_: pg_sys::XactEvent::Type, _: *mut std::ffi::c_void) {
    forget();
}

/// Begins a command.
pub fn begin_command() {
    TOUCHED.with_borrow_mut(|touched| {
        // An error in a subtransaction does not end the command before.
        touched.attached = 0;
        touched.depth += 1;
    });
}

/// Notes that the running command, or one around it, detaches a partition.
pub fn detach() {
    TOUCHED.with_borrow_mut(|touched| touched.detaches = true);
}

/// Whether the running command, or one around it, detaches a partition.
pub fn detaches() -> bool {
    TOUCHED.with_borrow(|touched| touched.detaches)
}

/// Notes that the running command attaches this table as a partition.
pub fn attach(table: Oid) {
    TOUCHED.with_borrow_mut(|touched| touched.attached = table.to_u32());
}

/// Whether the running command attaches this table as a partition.
pub fn attaches(table: Oid) -> bool {
    TOUCHED.with_borrow(|touched| touched.attached == table.to_u32())
}

/// Returns the relations that the running command has changed so far; None if they are not known.
pub fn by_now() -> Option<Vec<Oid>> {
    TOUCHED.with_borrow(|touched| {
        let known = touched.depth > 0 && !touched.all;
        known.then(|| touched.relations[..touched.count].iter().copied().map(Oid::from_u32).collect())
    })
}

/// Ends a command. Changes of an inner command are those of the outer one too.
pub fn end_command() {
    TOUCHED.with_borrow_mut(|touched| {
        touched.attached = 0;
        touched.depth = touched.depth.saturating_sub(1);
        if touched.depth == 0 {
            touched.forget();
        }
    });
}

impl Touched {
    fn forget(&mut self) {
        (self.depth, self.count, self.all) = (0, 0, false);
        (self.detaches, self.attached) = (false, 0);
    }
}

/// Forgets all commands, at the end of the transaction.
fn forget() {
    // Called at any moment; a borrow can only fail inside this module, which calls nothing else.
    TOUCHED.with(|touched| {
        if let Ok(mut touched) = touched.try_borrow_mut() {
            touched.forget();
        }
    });
}

/// Notes that a relation has changed; an invalid OID stands for all relations. Calls nothing that could fail.
fn note(relation: Oid) {
    TOUCHED.with(|touched| {
        let Ok(mut touched) = touched.try_borrow_mut() else { return };
        if touched.depth == 0 || touched.all {
            return;
        }
        let (relation, count) = (relation.to_u32(), touched.count);
        if relation == 0 || count == MOST {
            touched.all |= !touched.relations[..count].contains(&relation);
        } else if !touched.relations[..count].contains(&relation) {
            touched.relations[count] = relation;
            touched.count += 1;
        }
    });
}
