//! The triggers that keep a tree in step with its table.

use super::catalog::{relation_name, text, Tables};
use super::spi::command;
use pgrx::pg_sys::{self, Oid};

/// One trigger for each kind of event: PostgreSQL allows no more where there are transition tables.
const STATEMENT: [(&str, &str); 4] = [
    ("insert", "AFTER INSERT ON {} REFERENCING NEW TABLE AS powertree_new FOR EACH STATEMENT"),
    (
        "update",
        "AFTER UPDATE ON {} REFERENCING OLD TABLE AS powertree_old NEW TABLE AS powertree_new FOR EACH STATEMENT",
    ),
    ("delete", "AFTER DELETE ON {} REFERENCING OLD TABLE AS powertree_old FOR EACH STATEMENT"),
    ("truncate", "BEFORE TRUNCATE ON {} FOR EACH STATEMENT"),
];
/// Where replication applies rows one by one and no statement trigger fires. PostgreSQL gives it to the partitions.
const ROW: (&str, &str) = ("replica", "AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW");

/// The name of a trigger.
fn name(tree: i32, event: &str) -> String {
    format!("powertree_{tree}_{event}")
}

/// The tree that a trigger of this name keeps in step; None if it is no such trigger.
pub fn tree_of(trigger: &str) -> Option<i32> {
    let (tree, event) = trigger.strip_prefix("powertree_")?.split_once('_')?;
    let ours = event == ROW.0 || STATEMENT.iter().any(|(name, _)| *name == event);
    tree.parse().ok().filter(|_| ours)
}

/// Makes the triggers of a relation, the base table or one of its partitions, or makes them anew.
pub fn install(tree: i32, relation: Oid, base: Oid) {
    let table = relation_name(relation);
    let schema = Tables::get().schema_name();
    let row = (relation == base).then_some(ROW);
    for (event, clause) in STATEMENT.iter().copied().chain(row) {
        let (name, clause) = (name(tree, event), clause.replace("{}", &table));
        command(&format!(
            "CREATE OR REPLACE TRIGGER {name} {clause} EXECUTE FUNCTION {schema}.powertree_capture('{tree}')"
        ));
    }
    command(&format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {}", name(tree, "truncate")));
    if relation == base {
        command(&format!("ALTER TABLE {table} ENABLE REPLICA TRIGGER {}", name(tree, ROW.0)));
    }
}

/// Drops the triggers of a relation, as many as there are.
pub fn remove(tree: i32, relation: Oid) {
    let table = relation_name(relation);
    for event in STATEMENT.iter().map(|(event, _)| *event).chain([ROW.0]) {
        let found = states(relation).into_iter().find(|(known, _)| *known == name(tree, event));
        if found.is_some_and(|(_, state)| state != CLONED) {
            command(&format!("DROP TRIGGER {} ON {table}", name(tree, event)));
        }
    }
}

/// The state of a trigger that PostgreSQL keeps like that of the partitioned table.
const CLONED: char = 'c';

/// Has the relation all triggers of a tree, and do they fire when they should?
pub fn are_right(tree: i32, relation: Oid) -> bool {
    let known = states(relation);
    let state = |event| known.iter().find(|(known, _)| *known == name(tree, event)).map(|(_, state)| *state);
    state("insert") == Some('O')
        && state("update") == Some('O')
        && state("delete") == Some('O')
        && state("truncate") == Some('A')
        && matches!(state(ROW.0), Some('R' | CLONED))
}

/// Has the relation any trigger of a tree of its own?
pub fn any(tree: i32, relation: Oid) -> bool {
    states(relation).iter().any(|(name, state)| tree_of(name) == Some(tree) && *state != CLONED)
}

/// The names of a relation's triggers, and when they fire.
fn states(relation: Oid) -> Vec<(String, char)> {
    let mut states = Vec::new();
    // SAFETY: an ordinary scan of a system catalog by its index.
    unsafe {
        let triggers = pg_sys::table_open(pg_sys::TriggerRelationId, pg_sys::AccessShareLock as i32);
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &mut key,
            pg_sys::Anum_pg_trigger_tgrelid as i16,
            pg_sys::BTEqualStrategyNumber as u16,
            Oid::from(pg_sys::F_OIDEQ),
            relation.into(),
        );
        let index = Oid::from(pg_sys::TriggerRelidNameIndexId);
        let scan = pg_sys::systable_beginscan(triggers, index, true, std::ptr::null_mut(), 1, &mut key);
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let trigger = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_trigger>();
            let name = text((&raw const (*trigger).tgname.data).cast()).unwrap_or_default();
            let cloned = (*trigger).tgparentid != Oid::INVALID;
            // A clone that somebody disabled alone does not count as one.
            let state = (*trigger).tgenabled as u8 as char;
            states.push((name, if cloned && state == 'R' { CLONED } else { state }));
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(triggers, pg_sys::AccessShareLock as i32);
    }
    states
}
