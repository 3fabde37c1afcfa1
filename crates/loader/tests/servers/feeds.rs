//! Messages as real feeds send them, and tables that were there before the loader.

use nix::sys::signal::{kill, signal, SigHandler, Signal};
use nix::unistd::Pid;

use tally_testkit::{start, tally, terminate, wait_until, World};

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn columns_are_inferred_as_the_feed_means_them() {
    let mut world = World::new("feeds_inferred");
    world.produce(&[
        br#"{"E":1672515782136,"e":"trade","p":"16578.50","q":"0.001","tradeId":"42","wei":0.123456789012345678,"user":"x","event_time":1672515782,"note":""}"#,
        br#"{"E":1672515782137,"e":"trade","p":"16578","q":"","tradeId":"43","wei":9007199254740993,"user":"y","event_time":1672515783,"note":"n"}"#,
    ]);
    world.load("sample = 2");
    let columns = world.column(
        "SELECT column_name || ' ' || data_type FROM information_schema.columns
         WHERE table_schema = 'feeds_inferred' ORDER BY ordinal_position",
    );
    let expected = [
        "e_upper bigint",
        "e text",
        "p numeric",
        "q numeric",
        "trade_id text",
        "wei numeric",
        "user_ text",
        "event_time timestamp with time zone",
        "note text",
        "overflow jsonb",
    ];
    assert_eq!(columns, expected);
    let sql = "SELECT p || ' ' || coalesce(q::text, 'NULL') || ' ' || wei || ' ' || extract(epoch FROM event_time)::bigint
               FROM feeds_inferred.t ORDER BY p DESC";
    let expected =
        ["16578.50 0.001 0.123456789012345678 1672515782", "16578 NULL 9007199254740993 1672515783"];
    assert_eq!(world.column(sql), expected);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn columns_that_fill_themselves_are_left_alone() {
    let mut world = World::new("feeds_defaults");
    world
        .database
        .batch_execute(
            "CREATE TABLE feeds_defaults.t (id bigserial PRIMARY KEY, price numeric, side text DEFAULT 'buy',
                 n integer GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT now())",
        )
        .unwrap();
    world.produce(&[br#"{"price":"1.5","side":"sell"}"#, br#"{"price":"2.5"}"#, br#"{"price":3,"id":5}"#]);
    world.load("unknown_fields = 'ignore'\nsample = 2");
    assert_eq!(world.dead_letters().len(), 0);
    let rows = world.column(
        "SELECT id || ' ' || price || ' ' || coalesce(side, 'NULL') || ' ' || n || ' ' || (at IS NOT NULL)
         FROM feeds_defaults.t ORDER BY price",
    );
    // What the first messages have decides: the loader fills `side` from then on, and never `id`.
    assert_eq!(rows, ["1 1.5 sell 1 true", "2 2.5 NULL 2 true", "3 3 NULL 3 true"]);
    world.produce(&[br#"{"price":"4.5"}"#]);
    world.load("unknown_fields = 'ignore'");
    assert_eq!(world.column("SELECT max(id)::text FROM feeds_defaults.t"), ["4"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn times_have_postgresqls_range() {
    let mut world = World::new("feeds_times");
    let columns = "columns = [{ name = 'a', type = 'timestamptz' }, { name = 'b', type = 'timestamp' },
                              { name = 'd', type = 'date' }]";
    world.produce(&[
        br#"{"a":"9999-12-31T23:59:59.999999Z","b":"9999-12-31T23:59:59","d":"9999-12-31"}"#,
        br#"{"a":"294276-12-31 23:59:59+00","b":"2024-01-01T00:00:00+05:30","d":"0044-03-15 BC"}"#,
        br#"{"a":"infinity","b":"-infinity","d":"infinity"}"#,
        br#"{"a":"2024-01-01T00:00:00"}"#,
    ]);
    world.load(columns);
    let rows = world.column("SELECT concat_ws(' | ', a AT TIME ZONE 'UTC', b, d) FROM feeds_times.t");
    let expected = [
        "9999-12-31 23:59:59.999999 | 9999-12-31 23:59:59 | 9999-12-31",
        "294276-12-31 23:59:59 | 2023-12-31 18:30:00 | 0044-03-15 BC",
        "infinity | -infinity | infinity",
    ];
    assert_eq!(rows, expected);
    let sql = "SELECT message FROM loader.dead_letters WHERE job = 'feeds_times'";
    assert!(world.column(sql)[0].contains("has no time zone"));
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_column_that_becomes_wider_stops_a_load_with_the_reason() {
    for (name, old, new) in
        [("feeds_widened", "integer", "bigint"), ("feeds_exact", "double precision", "numeric")]
    {
        let mut world = World::new(name);
        world.produce(&[b"{\"n\":1}"]);
        let columns = format!("columns = [{{ name = 'n', type = '{old}' }}]");
        let (child, _file) = start("load", &world.config(&columns), &["--quiet"]);
        wait_until(|| world.exists(&format!("{name}.t")) && world.next_offset() == 1);
        world.database.batch_execute(&format!("ALTER TABLE {name}.t ALTER COLUMN n TYPE {new}")).unwrap();
        world.produce(&[b"{\"n\":2}"]);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(text.contains(&format!("column \"n\" is {new}, but {old} is configured")), "{text}");
        assert_eq!(world.next_offset(), 1);
    }
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_terminal_that_is_closed_stops_it_in_order() {
    let mut world = World::new("feeds_hangup");
    // Whoever runs the tests under nohup hands that on, and the loader respects it.
    // SAFETY: the default action, and no handler of ours is replaced.
    unsafe { signal(Signal::SIGHUP, SigHandler::SigDfl) }.unwrap();
    let (child, _file) =
        start("load", &world.config("columns = [{ name = 'n', type = 'bigint' }]"), &["--quiet"]);
    world.produce(&[b"{\"n\":1}"]);
    wait_until(|| world.exists("feeds_hangup.t") && world.next_offset() == 1);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGHUP).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(tally("check", &world.config(""), &[]).status.success());
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn types_that_the_loader_does_not_write_are_made_of_text_by_the_server() {
    let mut world = World::new("feeds_types");
    world
        .database
        .batch_execute(
            "CREATE TYPE feeds_types.mood AS ENUM ('sad', 'ok');
             CREATE DOMAIN feeds_types.positive AS integer CHECK (value > 0);
             CREATE TABLE feeds_types.t (id bigint, mood feeds_types.mood, tags text[], code char(3), doc json, host inet,
                 took interval, n feeds_types.positive, at timetz, during int4range, bits bit(3), codes char(3)[], masks bit(3)[])",
        )
        .unwrap();
    world.produce(&[
        br#"{"id":1,"mood":"sad","tags":["a\"b",null],"code":"abc","doc":{"x": 1},"host":"10.0.0.1","took":"1 day",
             "n":5,"at":"10:00+02","during":"[1,5)","bits":"101","codes":["usd","gbp"],"masks":["011"]}"#,
        br#"{"id":2,"mood":"glad"}"#,
        br#"{"id":3,"n":-1}"#,
        br#"{"id":4,"code":"toolong"}"#,
        br#"{"id":5,"bits":"1"}"#,
        br#"{"id":6,"doc":"text","tags":[]}"#,
    ]);
    world.load("unknown_fields = 'ignore'");
    let rows = world.column(
        "SELECT concat_ws(' | ', id, mood, tags, code, doc, host, took, n, at, during, bits, codes, masks) FROM feeds_types.t ORDER BY id",
    );
    let first = r#"1 | sad | {"a\"b",NULL} | abc | {"x": 1} | 10.0.0.1 | 1 day | 5 | 10:00:00+02 | [1,5) | 101 | {usd,gbp} | {011}"#;
    assert_eq!(rows, [first, r#"6 | {} | "text""#]);
    let dead = world.dead_letters();
    let states: Vec<_> = (1..5).map(|offset| dead[&offset].1.as_str()).collect();
    assert_eq!(states, ["22P02", "23514", "22001", "22026"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn an_inferred_column_may_be_altered() {
    let mut world = World::new("feeds_altered");
    world.produce(&[br#"{"id":1,"qty":1,"at":1704067200000}"#]);
    world.load("");
    world.produce(&[br#"{"id":2,"qty":1.5}"#, br#"{"id":3,"qty":3}"#]);
    world.load("");
    let dead = world.dead_letters();
    assert_eq!(dead[&1].1, "22P02");
    let sql = "SELECT message FROM loader.dead_letters WHERE job = 'feeds_altered'";
    assert_eq!(world.column(sql), ["number 1.5 is not bigint; numeric would hold it"]);
    // While it runs, and between two runs.
    let (child, _file) = start("load", &world.config(""), &["--quiet"]);
    world.produce(&[br#"{"id":4,"qty":4}"#]);
    wait_until(|| world.next_offset() == 4);
    world.database.batch_execute("ALTER TABLE feeds_altered.t ALTER COLUMN qty TYPE numeric").unwrap();
    world.produce(&[br#"{"id":5,"qty":5.5}"#]);
    wait_until(|| world.next_offset() == 5);
    terminate(&child);
    assert!(child.wait_with_output().unwrap().status.success());
    world.database.batch_execute("ALTER TABLE feeds_altered.t ALTER COLUMN at TYPE text").unwrap();
    world.produce(&[br#"{"id":6,"at":1704067200000}"#]);
    world.load("");
    assert!(tally("replay", &world.config(""), &[]).status.success());
    assert_eq!(
        world.column("SELECT concat_ws(' ', id, qty, at) FROM feeds_altered.t ORDER BY id"),
        ["1 1 2024-01-01 00:00:00+00", "2 1.5", "3 3", "4 4", "5 5.5", "6 1704067200000"]
    );
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn types_have_their_lengths_as_in_create_table() {
    let mut world = World::new("feeds_lengths");
    world.produce(&[
        br#"{"price":"1.239","name":"abc","code":"x","at":"2024-01-01T00:00:00.6","tags":["a",null],"n":[[1.04],[2]]}"#,
        br#"{"price":1,"codes":["usd"]}"#,
        br#"{"price":12345678901}"#,
        br#"{"name":"abcd"}"#,
        br#"{"codes":["dollar"]}"#,
        br#"{"n":["one"]}"#,
    ]);
    let columns = |price: &str| {
        format!(
            "unknown_fields = 'ignore'
             columns = [{{ name = 'price', type = '{price}' }}, {{ name = 'name', type = 'varchar(3)' }},
                 {{ name = 'code', type = 'char(2)' }}, {{ name = 'at', type = 'timestamp(0) without time zone' }},
                 {{ name = 'tags', type = 'text[]' }}, {{ name = 'codes', type = 'character(3)[]' }},
                 {{ name = 'n', type = 'numeric(4,1)[]' }}]"
        )
    };
    world.load(&columns("numeric(10, 2)"));
    let types = "SELECT string_agg(format_type(atttypid, atttypmod), '; ' ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = 'feeds_lengths.t'::regclass AND attnum > 0";
    assert_eq!(
        world.column(types),
        ["numeric(10,2); character varying(3); character(2); timestamp(0) without time zone; text[]; \
          character(3)[]; numeric(4,1)[]"]
    );
    let rows = world.column(
        "SELECT concat_ws(' | ', price, name, code || '.', at, tags, codes, n) FROM feeds_lengths.t ORDER BY price",
    );
    assert_eq!(rows, ["1.00 | {usd}", "1.24 | abc | x. | 2024-01-01 00:00:01 | {a,NULL} | {{1.0},{2.0}}"]);
    let dead = world.dead_letters();
    let states: Vec<_> = (2..6).map(|offset| dead[&offset].1.as_str()).collect();
    assert_eq!(states, ["22003", "22001", "22001", "22P02"]);
    // Without a precision the table's own will do; another one is a contradiction.
    world.produce(&[br#"{"price":2}"#]);
    world.load(&columns("numeric"));
    let check = tally("check", &world.config(&columns("numeric(12,2)")), &[]);
    let said = String::from_utf8_lossy(&check.stdout).into_owned() + &String::from_utf8_lossy(&check.stderr);
    assert!(said.contains("column \"price\" is numeric(10,2), but numeric(12,2) is configured"), "{said}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_replay_over_a_unique_key_leaves_out_what_is_there() {
    const COUNT: usize = 4000;
    let mut world = World::new("feeds_replay");
    let ddl = "CREATE TABLE feeds_replay.t (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED, doc jsonb,
                   n integer CHECK (n <> 7), overflow jsonb)";
    world.database.batch_execute(ddl).unwrap();
    world
        .database
        .execute("INSERT INTO feeds_replay.t SELECT 2 * i FROM generate_series(0, 1999) i", &[])
        .unwrap();
    let message = |id: usize| match id % 1000 {
        // Not even of its type, and refused by a check.
        501 => format!("{{\"id\":{id},\"doc\":\"\\ud800\"}}"),
        701 => format!("{{\"id\":{id},\"n\":7}}"),
        _ => format!("{{\"id\":{id},\"doc\":[{id}],\"n\":1}}"),
    };
    let messages: Vec<String> = (0..COUNT).map(message).collect();
    world.produce(&messages.iter().map(String::as_bytes).collect::<Vec<_>>());
    world.load(
        "columns = [{ name = 'id', type = 'bigint' }, { name = 'doc', type = 'jsonb' }, { name = 'n', type = 'integer' }]
         max_dead_letters_in_a_row = 0",
    );
    let rows =
        world.column("SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || count(doc) FROM feeds_replay.t");
    assert_eq!(rows, ["3992 3992 1992"]);
    let sql = "SELECT sqlstate || ' ' || stage || ' ' || count(*) FROM loader.dead_letters
               WHERE job = 'feeds_replay' GROUP BY sqlstate, stage ORDER BY 1";
    assert_eq!(world.column(sql), ["22P02 write 4", "23505 write 2000", "23514 write 4"]);
    let sql = "SELECT message FROM loader.dead_letters WHERE job = 'feeds_replay' AND \"offset\" = 3998";
    let said = &world.column(sql)[0];
    assert!(said.ends_with("(Key (id)=(3998) already exists.) [23505]"), "{said}");
    let refused =
        "SELECT count(*)::text FROM loader.dead_letters WHERE job = 'feeds_replay' AND \"offset\" % 2 = 0";
    assert_eq!(world.column(refused), ["2000"]);
}
