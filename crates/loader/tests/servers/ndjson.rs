//! `tally load ndjson` against a real PostgreSQL.

use tally_testkit::Files;

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_new_table_has_the_fields_of_all_records() {
    let mut world = Files::new("ndjson_new", "ndjson");
    world.write(
        "a.ndjson",
        "{\"id\":1,\"price\":\"1.50\",\"tradeTime\":1700000000123,\"tags\":[\"x\"],\"note\":null}\n\n\
         {\"id\":2,\"price\":\"2\",\"tradeTime\":1700000001000,\"flag\":true}\n",
    );
    world.write("b.jsonl", "{\"late\":\"x\",\"id\":3,\"note\":\"n\"}\n");
    assert!(world.load(&[]).contains("loaded 3 rows of 2 files"));
    let types = [
        "id bigint",
        "price numeric",
        "trade_time timestamp with time zone",
        "tags jsonb",
        "note text",
        "flag boolean",
        "late text",
    ];
    assert_eq!(world.types(), types);
    let rows = "SELECT id, price, extract(epoch FROM trade_time), tags, note, flag, late FROM $t ORDER BY id";
    assert_eq!(
        world.rows(rows),
        ["1|1.50|1700000000.123000|[\"x\"]|~|~|~", "2|2|1700000001.000000|~|~|t|~", "3|~|~|~|n|~|x"]
    );
    world.append("a.ndjson", "{\"id\":4,\"late\":\"added\"}\n");
    assert!(world.load(&[]).contains("loaded 1 rows of 1 files"));
    assert_eq!(world.one("SELECT late FROM $t WHERE id = 4"), "added");
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn into_an_existing_table_by_name() {
    let mut world = Files::new("ndjson_table", "ndjson");
    let table =
        "CREATE TABLE ndjson_table.t (id bigint NOT NULL, rare text, seen timestamptz DEFAULT 'epoch',
                 kind ndjson_table.kind, raw text)";
    world.database.batch_execute("CREATE TYPE ndjson_table.kind AS ENUM ('a', 'b')").unwrap();
    world.database.batch_execute(table).unwrap();
    // A field that first occurs beyond what is read of a file beforehand finds its column, too.
    let many: String = (1..60_000).map(|n| format!("{{\"id\": {n}, \"kind\": \"a\"}}\n")).collect();
    let bad = "{\"id\":1,\"kind\":\"c\"}\n{\"kind\":\"a\"}\n{\"id\":1,\"new\":1}\n{\"id\":\"x\"}\n{\"id\":1\n[]\n\u{0}\n";
    world.write("a.ndjson", many + "{\"id\":0,\"rare\":\"r\",\"raw\":{\"b\":[1]}}\n" + bad);
    world.load(&[]);
    assert_eq!(world.one("SELECT count(*), count(*) FILTER (WHERE seen = 'epoch') FROM $t"), "60000|60000");
    assert_eq!(world.rows("SELECT rare, kind, raw FROM $t WHERE id = 0"), ["r|~|{\"b\":[1]}"]);
    let letters: Vec<String> =
        world.dead_letters().iter().map(|l| l.splitn(5, '|').take(4).collect::<Vec<_>>().join("|")).collect();
    assert_eq!(
        letters,
        [
            "60001|write|22P02|~",
            "60002|decode|23502|id",
            "60003|decode|42703|~",
            "60004|decode|22P02|id",
            "60005|decode|22032|~",
            "60006|decode|22P02|~",
            "60007|decode|22032|~",
        ]
    );
    world.assert_invariant();
    world.database.batch_execute("ALTER TABLE ndjson_table.t ADD COLUMN new int").unwrap();
    let said = world.load(&["--replay"]);
    assert!(said.starts_with("stored 1 of 7 bad rows"), "{said}");
    assert_eq!(world.one("SELECT new FROM $t WHERE new IS NOT NULL"), "1");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn what_is_no_ndjson_is_refused_as_a_whole() {
    let world = Files::new("ndjson_array", "ndjson");
    world.write("a.ndjson", "[\n{\"id\":1},\n{\"id\":2}\n]\n");
    let said = world.complaint(&[]);
    assert!(said.contains("file is a JSON array, not a record a line; convert it"), "{said}");
    world.write("a.ndjson", "id,name\n1,x\n");
    let said = world.complaint(&[]);
    assert!(said.contains("line 1: ") && said.contains("check that each line is a JSON object"), "{said}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn file_columns_stand_beside_the_fields() {
    let mut world = Files::new("ndjson_named", "ndjson");
    world.write("one.ndjson", "{\"a\":1}\n{\"b\":2}\n");
    world.load(&["--file-column", "file"]);
    assert_eq!(world.types(), ["a bigint", "b bigint", "file text"]);
    world.append("one.ndjson", "{\"b\":3,\"a\":4}\n");
    world.load(&["--file-column", "file"]);
    assert_eq!(world.rows("SELECT * FROM $t ORDER BY a"), ["1|~|one", "4|3|one", "~|2|one"]);
}
