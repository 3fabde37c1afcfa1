//! Snapshots of this session that see rows but not their log entries.
//!
//! Rows are visible as soon as they are written: to volatile functions, and to triggers that fire before ours. Their
//! log entries are written only when the statement ends, as part of a later command if triggers or functions have run
//! commands meanwhile. Until then this session reads the table; so does, for good, any snapshot from between the two
//! commands, such as that of a cursor which a trigger has opened.
//!
//! A trigger before each statement notes that it begins, also where a foreign key cascades; PostgreSQL fires it once
//! for each firing of our trigger after the statement. Only the transaction itself has snapshots between its commands.

use crate::pg::server::callback::{at_end_of_transactions, at_subtransactions};
use crate::pg::server::kept::{kept, take, Kept};
use crate::pg::server::process::{self, nesting};
use crate::pg::server::session::is_replica;
use crate::pg::server::transaction::command_of_snapshot;
use pgrx::pg_sys::{self, CommandId};
use std::ops::RangeInclusive;

/// A statement that has begun to write and whose changes are not logged yet.
struct Statement {
    tree: i32,
    /// The nesting level of its transaction.
    level: i32,
    /// The command of the statement's snapshot. Rows are written by this command or a later one.
    command: CommandId,
}

thread_local! {
    static UNDER_WAY: Kept<Vec<Statement>> = const { kept(Vec::new()) };
    /// For each tree, the range of commands whose snapshots may see rows but not their log entries. There is one range
    /// for a tree, however many statements there are. A rollback does not narrow it, which does no harm.
    static TORN: Kept<Vec<(i32, RangeInclusive<CommandId>)>> = const { kept(Vec::new()) };
}

/// Notes that a statement is about to write.
pub fn begin_statement(tree: i32) {
    let (level, command) = (nesting(), command_of_snapshot());
    UNDER_WAY.with_borrow_mut(|under_way| under_way.push(Statement { tree, level, command }));
}

/// Notes that the innermost statement has logged its changes.
pub fn end_statement(tree: i32) {
    let statement = UNDER_WAY.with_borrow_mut(|under_way| {
        let place = under_way.iter().rposition(|statement| statement.tree == tree)?;
        Some(under_way.remove(place))
    });
    logged_since(tree, statement.map_or(0, |statement| statement.command.saturating_add(1)));
}

/// Notes that the current command's log entry, like that of TRUNCATE, concerns earlier snapshots too.
pub fn reached_back(tree: i32) {
    logged_since(tree, 0);
}

/// Notes that the current command has logged changes whose rows snapshots from command `first` on may see.
fn logged_since(tree: i32, first: CommandId) {
    let last = process::command();
    if first <= last {
        TORN.with_borrow_mut(|torn| match torn.iter_mut().find(|(of, _)| *of == tree) {
            Some((_, commands)) => *commands = first.min(*commands.start())..=last,
            None => torn.push((tree, first..=last)),
        });
    }
}

/// Takes the trees of statements that ended without firing their last trigger, each tree once.
pub fn take_left() -> Vec<i32> {
    let mut trees: Vec<i32> = take(&UNDER_WAY).into_iter().map(|statement| statement.tree).collect();
    trees.sort_unstable();
    trees.dedup();
    trees
}

/// Whether a statement is under way that writes to a tree's table.
pub fn is_under_way(tree: i32) -> bool {
    UNDER_WAY.with_borrow(|under_way| under_way.iter().any(|statement| statement.tree == tree))
}

/// Whether the active snapshot might see rows but not their log entries. Always true where a replica applies changes,
/// since no trigger notes there that a statement begins.
pub fn is_torn(tree: i32) -> bool {
    let command = command_of_snapshot();
    let torn = || {
        TORN.with_borrow(|torn| torn.iter().any(|(of, commands)| *of == tree && commands.contains(&command)))
    };
    is_replica() || is_under_way(tree) || torn()
}

/// Forgets statements whose transaction ends; once, when the library is loaded.
pub fn watch() {
    at_end_of_transactions(transaction_ends);
    at_subtransactions(subtransaction_ends);
}

// Called while transactions end: these call nothing that could fail.
extern "C-unwind" fn transaction_ends(event: pg_sys::XactEvent::Type, _: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::*;
    if matches!(event, XACT_EVENT_ABORT | XACT_EVENT_COMMIT | XACT_EVENT_PREPARE) {
        drop((take(&UNDER_WAY), take(&TORN)));
    }
}

extern "C-unwind" fn subtransaction_ends(
    event: pg_sys::SubXactEvent::Type,
    _: pg_sys::SubTransactionId,
    _: pg_sys::SubTransactionId,
    _: *mut std::ffi::c_void,
) {
    // The subtransaction that ends is still the current one.
    let level = nesting();
    UNDER_WAY.with_borrow_mut(|under_way| match event {
        pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB => {
            under_way.retain(|statement| statement.level < level)
        }
        pg_sys::SubXactEvent::SUBXACT_EVENT_COMMIT_SUB => {
            under_way.iter_mut().for_each(|statement| statement.level = statement.level.min(level - 1));
        }
        _ => {}
    });
}
