//! Many columns, and names that are hard to write.

use tally_testkit::{environment, Scene};

const WIDTH: usize = 500;

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn five_hundred_columns() {
    let mut scene = Scene::without_table("wide", &environment("KAFKA_BROKERS"), &[]);
    let fields = |row: i64| {
        (0..WIDTH as i64).map(|i| format!(r#""Field{i}":{}"#, row * 1_000 + i)).collect::<Vec<_>>().join(",")
    };
    for row in 0..1_000 {
        scene.produce_good("k", format!("{{{}}}", fields(row)).as_bytes());
    }
    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    assert!(loader.terminate().success());
    let columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'trades'::regclass AND attnum > 0";
    assert_eq!(scene.number(columns), WIDTH as i64 + 1);
    let wrong = "SELECT count(*) FROM trades t, jsonb_each_text(to_jsonb(t)) AS field(name, value)
        WHERE name <> 'overflow' AND value::bigint <> field0 + substr(name, 6)::bigint";
    assert_eq!(scene.number(wrong), 0);
    assert_eq!(scene.number("SELECT count(DISTINCT field0) FROM trades"), 1_000);
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn names_that_are_hard_to_write() {
    let mut scene = Scene::without_table("names", &environment("KAFKA_BROKERS"), &[]);
    let long = "x".repeat(70);
    let names = [
        "a",
        "A",
        "a b",
        "a.b",
        "a\\\"b",
        "a'b",
        "select",
        "ctid",
        "é",
        "",
        "1st",
        &long,
        &format!("{long}y"),
        "overflow",
    ];
    let fields: Vec<String> = names.iter().enumerate().map(|(i, name)| format!(r#""{name}":{i}"#)).collect();
    scene.produce_good("k", format!("{{{}}}", fields.join(",")).as_bytes());
    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    assert!(loader.terminate().success());
    // Each value has a column of its own, or is in the overflow column.
    let sql =
        "SELECT field.value::text || ' ' || name FROM trades t, jsonb_each(to_jsonb(t)) AS field(name, value)
        WHERE jsonb_typeof(value) = 'number' ORDER BY value";
    let found: Vec<String> = scene.query(sql, &[]).iter().map(|row| row.get(0)).collect();
    println!("{found:?}");
    assert_eq!(found.len(), names.len(), "{found:?}");
}
