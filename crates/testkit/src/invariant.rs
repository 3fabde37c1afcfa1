//! The invariant that must hold at every moment, whatever happens to the loader, as `sql/invariant.sql` computes it.

use postgres::{Client, IsolationLevel};

/// Asserts the invariant, in one snapshot, for the table and the job of this name; `more` finds further violations.
pub fn assert(database: &mut Client, name: &str, more: Option<&str>) {
    let own = |sql: &str| sql.replace("trades", name);
    database.batch_execute(&own(include_str!("sql/views.sql"))).unwrap();
    let snapshot = database.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    let mut snapshot = snapshot.start().unwrap();
    let mut violations = snapshot.query(include_str!("sql/invariant.sql"), &[]).unwrap();
    if let Some(sql) = more {
        violations.extend(snapshot.query(&own(sql), &[]).unwrap());
    }
    drop(snapshot);
    for row in violations.iter().take(20) {
        let (partition, offset, violation): (i32, i64, String) = (row.get(0), row.get(1), row.get(2));
        println!("partition {partition}, offset {offset}: {violation}");
    }
    assert!(violations.is_empty(), "{} violations of the invariant", violations.len());
}
