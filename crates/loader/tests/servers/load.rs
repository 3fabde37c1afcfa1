//! The loader against a real PostgreSQL and a broker in this process: bad messages, refused rows, restarts, and the
//! one line that each way of failing ends with.

use std::collections::HashMap;

use tally_testkit::{complaint, database_url, start, tally, wait_until, World};

const COLUMNS: &str =
    "columns = [{ name = 'id', type = 'bigint', required = true }, { name = 'note', type = 'text' }]";

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn poison_becomes_dead_letters_and_its_neighbours_are_stored() {
    let mut world = World::new("load_poison");
    let long = format!("{{\"id\":8,\"note\":\"{}\"}}", "x".repeat(2_000_000));
    world.produce(&[
        b"{\"id\":0}",
        b"not json",
        b"{\"id\":\"two\"}",
        b"",
        b"{\"id\":4,\"note\":\"\\u0000\"}",
        b"{\"note\":\"no id\"}",
        b"\xff\xfe",
        b"[7]",
        long.as_bytes(),
        b"{\"id\":9,\"more\":[1]}",
        b"{\"id\":99999999999999999999}",
        b"{\"id\":11,\"more\":\"\\ud800\"}",
        b"{\"id\":12}",
    ]);
    world.load(COLUMNS);
    let rows = world.column("SELECT id || coalesce(overflow::text, '') FROM load_poison.t ORDER BY id");
    assert_eq!(rows, ["0", "8", "9{\"more\": [1]}", "12"]);
    let letter = |stage: &str, state: &str, column: Option<&str>| {
        (stage.to_string(), state.to_string(), column.map(str::to_string))
    };
    let expected = HashMap::from([
        (1, letter("decode", "22032", None)),
        (2, letter("decode", "22P02", Some("id"))),
        (3, letter("decode", "22004", None)),
        (4, letter("decode", "22021", Some("note"))),
        (5, letter("decode", "23502", Some("id"))),
        (6, letter("decode", "22021", None)),
        (7, letter("decode", "22P02", None)),
        (10, letter("decode", "22003", Some("id"))),
        (11, letter("write", "22P02", None)),
    ]);
    assert_eq!(world.dead_letters(), expected);
    let sql = "SELECT encode(key, 'escape') || encode(value, 'escape') FROM loader.dead_letters
               WHERE job = 'load_poison' AND \"offset\" IN (1, 11) ORDER BY \"offset\"";
    assert_eq!(world.column(sql), ["knot json", "k{\"id\":11,\"more\":\"\\\\ud800\"}"]);
    assert_eq!(world.next_offset(), 13);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_message_over_the_limit_is_a_dead_letter() {
    let mut world = World::new("load_large");
    let large = format!("{{\"id\":1,\"note\":\"{}\"}}", "x".repeat(3_000_000));
    world.produce(&[b"{\"id\":0}", large.as_bytes(), b"{\"id\":2}"]);
    let config = format!("max_message_bytes = 2000000\n{}", world.config(COLUMNS));
    let output = tally("load", &config, &["--until-end"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.column("SELECT id::text FROM load_large.t ORDER BY id"), ["0", "2"]);
    assert_eq!(world.dead_letters()[&1], ("decode".into(), "54000".into(), None));
    let kept = "SELECT length(value)::text FROM loader.dead_letters WHERE job = 'load_large'";
    assert_eq!(world.column(kept), [large.len().to_string()]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn rows_that_the_server_refuses_are_taken_out() {
    let mut world = World::new("load_refused");
    let ddl = "CREATE TABLE load_refused.parent (id bigint PRIMARY KEY);
               INSERT INTO load_refused.parent SELECT generate_series(0, 199);
               CREATE TABLE load_refused.t (
                   id bigint UNIQUE REFERENCES load_refused.parent DEFERRABLE INITIALLY DEFERRED,
                   note varchar(3) CHECK (note <> 'bad'), overflow jsonb)";
    world.database.batch_execute(ddl).unwrap();
    let messages: Vec<String> = (0..200)
        .map(|i| match i {
            17 => r#"{"id":16}"#.into(),
            50 => r#"{"id":50,"note":"bad"}"#.into(),
            51 => r#"{"id":51,"note":"long"}"#.into(),
            120 => r#"{"id":1000}"#.into(),
            _ => format!(r#"{{"id":{i},"note":"ok"}}"#),
        })
        .collect();
    world.produce(&messages.iter().map(|m| m.as_bytes()).collect::<Vec<_>>());
    world.load("");
    let letters = world.dead_letters();
    let states: HashMap<i64, &str> =
        letters.iter().map(|(offset, letter)| (*offset, letter.1.as_str())).collect();
    assert_eq!(states, HashMap::from([(17, "23505"), (50, "23514"), (51, "22001"), (120, "23503")]));
    assert_eq!(world.column("SELECT count(*)::text FROM load_refused.t"), ["196"]);
    assert_eq!(world.next_offset(), 200);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn inferred_columns_survive_a_restart() {
    let mut world = World::new("load_inferred");
    world.produce(&[
        b"[]",
        b"{\"tradeId\":1,\"price\":2,\"at\":\"2026-01-01T00:00:00Z\"}",
        b"{\"price\":2.5}",
    ]);
    world.load("");
    let columns = "SELECT attname || ' ' || format_type(atttypid, NULL) FROM pg_attribute
                   WHERE attrelid = 'load_inferred.t'::regclass AND attnum > 0 ORDER BY attnum";
    let expected =
        ["trade_id bigint", "price double precision", "at timestamp with time zone", "overflow jsonb"];
    assert_eq!(world.column(columns), expected);
    world.produce(&[b"{\"tradeId\":2,\"new\":true}"]);
    world.load("");
    assert_eq!(world.column(columns), expected);
    let last = "SELECT overflow::text FROM load_inferred.t WHERE trade_id = 2";
    assert_eq!(world.column(last), ["{\"new\": true}"]);
    assert_eq!(world.column("SELECT count(*)::text FROM load_inferred.t"), ["3"]);
    assert_eq!(world.dead_letters().len(), 1);
    world.load("");
    assert_eq!(world.next_offset(), 4);
    let history = "SELECT count(*)::text FROM loader.schema_history WHERE job = 'load_inferred'";
    assert_eq!(world.column(history), ["1"]);
    world.produce(&[b"{\"tradeId\":3,\"new\":true}", b"{\"tradeId\":4,\"new\":null,\"more\":{}}"]);
    world.load("unknown_fields = 'add'");
    assert_eq!(world.column(columns)[4..], ["new boolean", "more jsonb"]);
    let last =
        "SELECT format('%s %s %s %s', trade_id, new, more, overflow) FROM load_inferred.t WHERE trade_id > 2";
    assert_eq!(world.column(last), ["3 t  ", "4  {} "]);
    // The policy is part of the definition.
    assert_eq!(world.column(history), ["3"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_lost_connection_is_made_anew_and_a_newer_loader_takes_over() {
    let mut world = World::new("load_takeover");
    world.produce(&[b"{\"id\":0}"]);
    let (mut first, _first_file) = start("load", &world.config(COLUMNS), &[]);
    wait_until(|| world.exists("loader.offsets") && world.exists("load_takeover.t"));
    wait_until(|| world.next_offset() == 1);
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tally load_takeover'";
    assert_eq!(world.database.query(kill, &[]).unwrap().len(), 1);
    world.produce(&[b"{\"id\":1}"]);
    wait_until(|| world.next_offset() == 2);

    world.load(COLUMNS);
    world.produce(&[b"{\"id\":2}"]);
    wait_until(|| first.try_wait().unwrap().is_some());
    let output = first.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("moved by someone else"), "{text}");
    assert_eq!(world.next_offset(), 2);
    world.load(COLUMNS);
    assert_eq!(world.column("SELECT id::text FROM load_takeover.t ORDER BY id"), ["0", "1", "2"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn every_way_of_failing_ends_with_one_line() {
    let mut world = World::new("load_complaints");
    let good = world.config(COLUMNS);

    let text = complaint(&good.replace("brokers =", "broker ="));
    assert!(text.contains(".toml:3: unknown key \"broker\"; did you mean \"brokers\"?"), "{text}");
    let text = complaint(&good.replace(&world.cluster.bootstrap_servers(), "127.0.0.1:1"));
    assert!(text.contains("broker 127.0.0.1:1: cannot be reached"), "{text}");
    let text = complaint(&good.replace(&database_url(), "postgres://postgres@127.0.0.1:1/postgres"));
    assert!(text.contains("database postgres at 127.0.0.1:1: Connection refused"), "{text}");
    let text = complaint(&good.replace("name = 'load_complaints'\n", "name = 'no_such_topic'\n"));
    assert!(text.contains("topic \"no_such_topic\""), "{text}");

    let role = "DROP ROLE IF EXISTS load_nobody; CREATE ROLE load_nobody LOGIN";
    world.database.batch_execute(role).unwrap();
    let mut url: postgres::Config = database_url().parse().unwrap();
    url.user("load_nobody");
    let nobody = format!(
        "host={} port={} user=load_nobody dbname={}",
        match &url.get_hosts()[0] {
            postgres::config::Host::Tcp(host) => host.clone(),
            postgres::config::Host::Unix(path) => path.display().to_string(),
        },
        url.get_ports()[0],
        url.get_dbname().unwrap()
    );
    let text = complaint(&good.replace(&database_url(), &nobody));
    assert!(text.contains("permission denied") && text.contains("GRANT"), "{text}");

    world
        .database
        .batch_execute("CREATE TABLE load_complaints.t (id text, note text, overflow jsonb)")
        .unwrap();
    let text = complaint(&good);
    assert!(text.contains("column \"id\" is text, but bigint is configured"), "{text}");
    assert!(world.dead_letters().is_empty());
    let check = tally("check", &good, &[]);
    assert!(!check.status.success());
    let text = String::from_utf8(check.stdout).unwrap();
    assert!(text.contains("broker and topics: ok, 1 partitions") && text.contains("but bigint"), "{text}");
}
