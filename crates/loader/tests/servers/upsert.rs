//! Tables in which newer messages replace older rows.

use tally_testkit::{complaint, World};

const KEYED: &str = "key = ['symbol']
    unknown_fields = 'ignore'
    columns = [{ name = 'symbol', type = 'text', from = '$key' }, { name = 'price', type = 'bigint' },
               { name = 'at', type = 'bigint', from = '$offset' }]";

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn the_last_message_of_a_key_counts() {
    let mut world = World::new("upsert");
    let state = "SELECT concat_ws(' ', symbol, price, at) FROM upsert.t ORDER BY symbol";
    for (key, value) in
        [("a", Some("{\"price\":1}")), ("b", Some("{\"price\":2}")), ("a", Some("{\"price\":3}"))]
    {
        world.produce_keyed(key, value.map(str::as_bytes));
    }
    world.load(KEYED);
    assert_eq!(world.column(state), ["a 3 2", "b 2 1"]);
    // Gone, gone and back, never there, twice.
    let messages: [(&str, Option<&str>); 7] = [
        ("a", None),
        ("b", None),
        ("b", Some("{\"price\":4}")),
        ("never", None),
        ("c", Some("{\"price\":5}")),
        ("c", Some("{}")),
        ("d", Some("poison")),
    ];
    for (key, value) in messages {
        world.produce_keyed(key, value.map(str::as_bytes));
    }
    world.load(KEYED);
    assert_eq!(world.column(state), ["b 4 5", "c 8"]);
    assert_eq!(world.dead_letters().into_keys().collect::<Vec<_>>(), [9]);
    assert_eq!(world.next_offset(), 10);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn rows_that_the_server_refuses_leave_the_older_ones() {
    let mut world = World::new("upsert_refused");
    let ddl =
        "CREATE TABLE upsert_refused.t (price bigint CHECK (price < 100), symbol text UNIQUE, at bigint)";
    world.database.batch_execute(ddl).unwrap();
    for i in 0..60 {
        let price = if i % 10 == 7 { 100 + i } else { i };
        world.produce_keyed(&format!("k{}", i % 10), Some(format!("{{\"price\":{price}}}").as_bytes()));
    }
    world.load(KEYED);
    let state = "SELECT symbol || ' ' || price FROM upsert_refused.t ORDER BY symbol";
    let expected: Vec<_> = (0..10).filter(|i| *i != 7).map(|i| format!("k{i} {}", 50 + i)).collect();
    assert_eq!(world.column(state), expected);
    assert_eq!(world.dead_letters().len(), 6);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn the_table_must_have_the_key() {
    let mut world = World::new("upsert_key");
    world.produce_keyed("a", Some(b"{}"));
    world.database.batch_execute("CREATE TABLE upsert_key.t (symbol text, price bigint, at bigint)").unwrap();
    let text = complaint(&world.config(KEYED));
    assert!(text.contains("no unique index") && text.contains("ADD PRIMARY KEY (\"symbol\")"), "{text}");
    world.database.batch_execute("ALTER TABLE upsert_key.t ADD PRIMARY KEY (symbol)").unwrap();
    world.load(KEYED);
    assert_eq!(world.column("SELECT symbol FROM upsert_key.t"), ["a"]);
}
