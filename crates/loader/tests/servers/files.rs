//! `tally load csv` against a real PostgreSQL: types, bad rows, encodings, restarts, kill -9.

use std::fs;
use std::io::Write;
use std::process::Child;
use std::time::Duration;

use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tally_testkit::{terminate, Files};

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn types_hold_every_row_of_every_file() {
    let mut world = Files::new("files_types", "csv");
    let header = "small,int,big,huge,money,float,far,flag,letter,day,at,atZone,clock,id,code,mixed,nothing\n";
    world.write(
        "a.csv",
        format!(
            "{header}1,1,1,1,12.50,1,1e400,true,t,2024-02-29,2024-02-29 12:00,2024-02-29T12:00:00Z,\
             23:59:59.5,6f9619ff-8b86-d011-b42d-00cf4fc964ff,007,1,\n\
             ,,,,,,,,,,,,,,,,\n"
        ),
    );
    world.write(
        "b.csv",
        format!(
            "{header}-32768,32768,-9223372036854775808,9223372036854775808,0.1,0.30000000000000004,-1.5,NO,f,\
             0044-03-15 BC,2024-03-01,2024-02-29 12:00:00.123456+05:30,00:00,\
             AF9619FF-8B86-D011-B42D-00CF4FC964FF,12,x,\n"
        ),
    );
    let said = world.load(&[]);
    assert!(said.starts_with("loaded 3 rows of 2 files into \"files_types\".\"t\" in "), "{said}");
    assert_eq!(
        world.types(),
        [
            "small bigint",
            "int bigint",
            "big bigint",
            "huge numeric",
            "money numeric",
            "float double precision",
            "far numeric",
            "flag boolean",
            "letter boolean",
            "day date",
            "at timestamp without time zone",
            "at_zone timestamp with time zone",
            "clock time without time zone",
            "id uuid",
            "code text",
            "mixed text",
            "nothing text",
        ]
    );
    // Every value is as PostgreSQL itself reads the text.
    let mut same = |values: &str, condition: &str| {
        let sql = format!(
            "SELECT count(*) FROM $t WHERE ROW(t.*) IS NOT DISTINCT FROM ROW({values}) AND {condition}"
        );
        assert_eq!(world.one(&sql), "1", "{values}");
    };
    same(
        "1::bigint, 1::bigint, 1::bigint, 1::numeric, 12.50, 1::float8, 1e400::numeric, true, true, date '2024-02-29',
         timestamp '2024-02-29 12:00', timestamptz '2024-02-29T12:00:00Z', time '23:59:59.5',
         uuid '6f9619ff-8b86-d011-b42d-00cf4fc964ff', '007'::text, '1'::text, NULL::text",
        "scale(money) = 2",
    );
    same(
        "'-32768'::bigint, 32768::bigint, '-9223372036854775808'::bigint, 9223372036854775808, 0.1,
         0.30000000000000004::float8, -1.5, false, false, date '0044-03-15 BC', timestamp '2024-03-01',
         timestamptz '2024-02-29 12:00:00.123456+05:30', time '00:00',
         uuid 'AF9619FF-8B86-D011-B42D-00CF4FC964FF', '12'::text, 'x'::text, NULL::text",
        "true",
    );
    assert_eq!(world.one("SELECT count(*) FROM $t WHERE t IS NULL"), "1");
    assert_eq!(world.dead_letters(), [""; 0]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_second_run_adds_nothing_and_a_changed_file_is_noticed() {
    let mut world = Files::new("files_again", "csv");
    world.write("a.csv", "id,note\n1,x\n2,\"y\nz\"\n");
    world.write("b.csv", "note,id\nw,3\n");
    world.load(&[]);
    let all = "SELECT id, note FROM $t ORDER BY id";
    let three = ["1|x", "2|y\nz", "3|w"];
    assert_eq!(world.rows(all), three);
    assert!(world.load(&[]).contains("loaded 0 rows of 0 files"));
    // Only its time is another.
    let file = fs::File::options().append(true).open(world.path("a.csv")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(world.load(&[]).contains("2 files were loaded before"));
    assert_eq!(world.rows(all), three);

    world.append("a.csv", "4,new\n5,\n");
    world.write("c.csv", "id,note\n6,c\n");
    assert!(world.load(&[]).contains("loaded 3 rows of 2 files"));
    assert_eq!(world.rows(all), ["1|x", "2|y\nz", "3|w", "4|new", "5|~", "6|c"]);
    let ledger = "SELECT rows, next_line, done FROM loader.files WHERE job = $job ORDER BY path";
    assert_eq!(world.rows(ledger), ["4|7|t", "1|3|t", "1|3|t"]);

    world.write("a.csv", "id,note\n1,X\n2,\"y\nz\"\n4,new\n5,\n6,also\n");
    let complaint = world.complaint(&[]);
    assert!(complaint.contains("a.csv: file has changed since job \"files_again\" loaded it"), "{complaint}");
    assert_eq!(world.one("SELECT count(*) FROM $t"), "6");
    world.write("a.csv", "id,note\n");
    assert!(world.complaint(&[]).contains("has changed"));
    // What is gone from the table is not gone from the ledger.
    world.database.batch_execute("DROP TABLE files_again.t").unwrap();
    assert!(world.complaint(&[]).contains("table does not exist, but job"));
    let forget = "DELETE FROM loader.files WHERE job = 'files_again'";
    world.database.batch_execute(forget).unwrap();
    world.load(&[]);
    assert_eq!(world.rows(all), ["3|w", "6|c"]);
    // An old end in the middle of a line would make a row of a part of it.
    world.write("d.csv", "id,note\n7,half");
    world.load_one("d.csv", &[]);
    world.append("d.csv", "way\n");
    let output = world.command_for(&world.path("d.csv"), &[]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("has changed"));
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn bad_rows_are_dead_letters_and_their_neighbours_are_stored() {
    let mut world = Files::new("files_bad", "csv");
    world.write(
        "a.csv",
        b"id,note\n1,a\n2\n3,b,c\n\n4,\"two\nlines\"\n5,\xff\n6,\0\n7,\"open\n8,h\n".as_slice(),
    );
    let output = world.command(&[]).output().unwrap();
    let (said, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("loaded 3 rows of 1 files"), "{said}");
    assert!(said.contains("; 5 bad rows are in loader.file_dead_letters"), "{said}");
    // Most of them are bad, and that is said.
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint.contains("5 of 8 rows are bad; line 3: expected 2 fields, found 1"), "{complaint}");
    assert_eq!(world.rows("SELECT * FROM $t ORDER BY id"), ["1|a", "4|two\nlines", "8|h"]);
    assert_eq!(
        world.dead_letters(),
        [
            "3|decode|22P04|~|2",
            "4|decode|22P04|~|3,b,c",
            "8|decode|22021|~|5,\\377",
            "9|decode|22021|~|6,\\000",
            "10|decode|22P04|~|7,\"open",
        ]
    );
    let message = world.one("SELECT message FROM loader.file_dead_letters WHERE job = $job AND line = 8");
    assert!(
        message.contains("invalid byte sequence for encoding \"UTF8\": 0xff")
            && message.contains("--encoding"),
        "{message}"
    );
    // In a later file the types are what they are.
    world.write("b.csv", "id,note\n9,i\nnine,i\n9223372036854775808,i\n,j\n");
    let complaint = world.complaint(&[]);
    assert!(complaint.contains("ALTER COLUMN \"id\" TYPE numeric"), "{complaint}");
    assert_eq!(world.rows("SELECT * FROM $t WHERE id > 8 OR id IS NULL ORDER BY id"), ["9|i", "~|j"]);
    assert_eq!(
        world.dead_letters()[5..],
        ["3|decode|22P02|id|nine,i", "4|decode|22003|id|9223372036854775808,i"]
    );
    // Loaded again, a file has only its new dead letters.
    let forget = "DROP TABLE files_bad.t; DELETE FROM loader.files WHERE job = 'files_bad'";
    world.database.batch_execute(forget).unwrap();
    world.complaint(&[]);
    assert_eq!(world.dead_letters().len(), 5);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn rows_that_the_server_refuses_are_taken_out() {
    let mut world = Files::new("files_refused", "csv");
    world
        .database
        .batch_execute(
            "CREATE TABLE files_refused.parent (id integer PRIMARY KEY);
             INSERT INTO files_refused.parent SELECT generate_series(1, 1000);
             CREATE TABLE files_refused.t (
                 arrival bigint GENERATED ALWAYS AS IDENTITY,
                 id integer UNIQUE REFERENCES files_refused.parent DEFERRABLE INITIALLY DEFERRED,
                 note varchar(3) CHECK (note <> 'bad'), at timestamptz, must text NOT NULL)",
        )
        .unwrap();
    let mut text = String::from("Must,at,note,id\n");
    for i in 1..=1000 {
        let line = match i {
            100 => "m,,bad,100".into(),
            200 => "m,,long,200".into(),
            300 => "m,,,299".into(),
            400 => "m,,,4000".into(),
            500 => ",,,500".into(),
            600 => "m,2024-01-01 10:00,,600".into(),
            i => format!("m,2024-01-01 10:00Z,,{i}"),
        };
        text += &(line + "\n");
    }
    world.write("a.csv", text);
    world.load(&[]);
    assert_eq!(
        world.one("SELECT count(*), count(DISTINCT id), min(at) FROM $t"),
        "994|994|2024-01-01 10:00:00+00"
    );
    assert_eq!(
        world.dead_letters(),
        [
            "101|write|23514|~|m,,bad,100",
            "201|write|22001|~|m,,long,200",
            "301|write|23505|~|m,,,299",
            "401|write|23503|~|m,,,4000",
            "501|decode|23502|must|,,,500",
            "601|decode|22007|at|m,2024-01-01 10:00,,600",
        ]
    );
    world.write("b.csv", "id,must,at\n600,m,2024-01-01 10:00\n200,m,2024-01-01\n");
    world.load(&["--time-zone", "+02:00"]);
    let at = world.rows("SELECT at FROM $t WHERE id IN (200, 600) ORDER BY id");
    assert_eq!(at, ["2023-12-31 22:00:00+00", "2024-01-01 08:00:00+00"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn too_many_bad_rows_stop_the_run_and_it_goes_on_with_more() {
    let mut world = Files::new("files_limit", "csv");
    // Several blocks; the bad rows are in the last one.
    let good = (0..1_200_000).map(|i| format!("{i},{i:08}\n")).collect::<String>();
    let text = format!("id,note\n{good}bad\nbad\nbad\n");
    world.write("a.csv", &text);
    for (file, packed) in [
        ("b.csv.gz", {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        }),
        ("c.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ("d.csv", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ] {
        world.write(file, packed);
    }
    for (n, file) in ["a.csv", "b.csv.gz", "c.csv.zst", "d.csv"].iter().enumerate() {
        let limit = (n * 3).to_string();
        let output = world.command_for(&world.path(file), &["--max-bad-rows", "2"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            said.contains("more than 2 bad rows; the first of this batch is on line 1200002: expected"),
            "{said}"
        );
        world.assert_invariant();
        let before: i64 = world.one("SELECT count(*) FROM $t").parse().unwrap();
        assert!(before > 1_200_000 * n as i64 + 100_000, "whole batches before stay: {before}, {limit}");
        let said = world.load_one(file, &["--max-bad-rows", "3"]);
        assert!(said.contains("3 bad rows"), "{said}");
        let expected = 1_200_000 * (n as i64 + 1);
        assert_eq!(world.one("SELECT count(*) FROM $t"), expected.to_string());
        world.assert_invariant();
    }
    let copies = "SELECT count(*) FROM (SELECT id FROM $t GROUP BY id, note HAVING count(*) = 4 AND id::text = ltrim(note, '0') OR id = 0) s";
    assert_eq!(world.one(copies), "1200000");
    assert_eq!(
        world.one("SELECT count(*), min(line), max(line) FROM loader.file_dead_letters WHERE job = $job"),
        "12|1200002|1200004"
    );
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn encodings_and_dialects() {
    let mut world = Files::new("files_dialects", "csv");
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    world.write("mark8.csv", b"\xef\xbb\xbfid;price\n1;\"caf\xc3\xa9\"\n".as_slice());
    world.write("mark16.csv", [b"\xff\xfe".to_vec(), utf16("id\tprice\n2\tnaïve €\n")].concat());
    world.write("bare16.csv", utf16("id|price\r\n3|😀\r\n"));
    world.write("plain.csv", "id,price\r\n4,\"a,\"\"b\"\"\"\r\n5,\"\"\r\n6,\r\n");
    world.load(&[]);
    let all = "SELECT id, price FROM $t ORDER BY id";
    assert_eq!(world.rows(all), ["1|café", "2|naïve €", "3|😀", "4|a,\"b\"", "5|", "6|~"]);
    world.write("w.csv", b"7;'it\\'s \x80';NA\n8;NA;'NA'\n".as_slice());
    let options =
        ["--encoding", "windows-1252", "--quote", "'", "--escape", "\\", "--null", "NA", "--no-header"];
    let more = ["--delimiter", ";", "--columns", "id,price,more", "--table", "files_dialects.u"];
    world.load_one("w.csv", &[&options[..], &more[..]].concat());
    let sql = "SELECT id, price, more FROM files_dialects.u ORDER BY id";
    assert_eq!(world.rows(sql), ["7|it's €|~", "8|~|NA"]);
    world.write("n.csv", "9,x\n10,y\n");
    world.load_one("n.csv", &["--table", "files_dialects.n", "--types", "column_1=float8"]);
    assert_eq!(
        world.rows("SELECT column_1, column_2, pg_typeof(column_1) FROM files_dialects.n"),
        ["9|x|double precision", "10|y|double precision"]
    );
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn odd_shapes() {
    let mut world = Files::new("files_shapes", "csv");
    let wide: Vec<String> = (0..1000).map(|i| format!("a long name of column {i}")).collect();
    let row = |n: usize| (0..1000).map(|i| (i * n).to_string()).collect::<Vec<_>>().join(",");
    world.write("wide.csv", format!("{}\n{}\n{}\n", wide.join(","), row(1), row(2)));
    world.load(&[]);
    assert_eq!(world.one("SELECT count(*), sum(a_long_name_of_column_999) FROM $t"), "2|2997");

    let load = |world: &Files, text: &str, table: &str, options: &[&str]| {
        let file = format!("{table}.csv");
        world.write(&file, text);
        let table = format!("files_shapes.{table}");
        world.load_one(&file, &[options, &["--table", &table]].concat())
    };
    load(&world, "a,A,a,\"a 2\",b\"\"c\n1,2,3,4,5\n", "twice", &["--header"]);
    assert_eq!(world.rows("SELECT a, a_2, a_3, a_2_2, bc FROM files_shapes.twice"), ["1|2|3|4|5"]);
    assert!(load(&world, "a,b\n", "header", &[]).contains("loaded 0 rows of 1 files"));
    assert_eq!(world.rows("SELECT count(a || b) FROM files_shapes.header"), ["0"]);
    load(&world, "", "header", &["--job", "empty"]);
    load(&world, "v\n1\n\n3", "single", &[]);
    assert_eq!(world.rows("SELECT v FROM files_shapes.single"), ["1", "~", "3"]);

    world.write("none.csv", "");
    let output =
        world.command_for(&world.path("none.csv"), &["--table", "files_shapes.none"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("neither rows nor column names"), "{said}");
    world.write("mac.csv", "a,b\r1,2\r");
    let output =
        world.command_for(&world.path("mac.csv"), &["--table", "files_shapes.mac"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("carriage returns only"));
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_dry_run_changes_nothing() {
    let mut world = Files::new("files_dry", "csv");
    world.write("a.csv", "Id,note\n1,x\n2\n");
    let said = world.load(&["--dry-run"]);
    assert!(said.contains("a.csv: UTF-8, delimiter ,, header, 1 rows, 1 bad"), "{said}");
    assert!(
        said.contains("CREATE TABLE \"files_dry\".\"t\" (\n    \"id\" bigint,\n    \"note\" text);"),
        "{said}"
    );
    assert_eq!(world.one("SELECT to_regclass('$t') IS NULL"), "t");
    world.load(&[]);
    assert!(world.load(&["--dry-run"]).contains("the table exists"));
    assert_eq!(world.one("SELECT count(*) FROM $t"), "1");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn complaints_say_what_to_do() {
    let mut world = Files::new("files_complaints", "csv");
    world.write("a.csv", "id,note\n1,x\n");
    let table = |world: &mut Files, ddl: &str| {
        let sql = format!("DROP TABLE IF EXISTS files_complaints.t; CREATE TABLE files_complaints.t ({ddl})");
        world.database.batch_execute(&sql).unwrap();
    };
    for (ddl, words) in [
        ("id int", "the table has no column \"note\" for field \"note\""),
        (
            "id int, note text, must int NOT NULL",
            "column \"must\" is NOT NULL without a default, and no field fills it",
        ),
        ("id int GENERATED ALWAYS AS (1) STORED, note text", "no column \"id\""),
    ] {
        table(&mut world, ddl);
        let said = world.complaint(&[]);
        assert!(said.contains(words), "{said}");
    }
    table(&mut world, "id int, note text, other int");
    assert!(world.complaint(&["--types", "id=text"]).contains("column \"id\" is integer"));
    assert!(world.complaint(&["--columns", "id"]).contains("1 columns, but records have 2 fields"));
    assert!(world
        .complaint(&["--columns", "id,id"])
        .contains("the table has no column \"id_2\" for field \"id\""));
    assert!(world.complaint(&["--no-header"]).contains("2 fields without names for 3 columns"));
    assert!(world.complaint(&["--encoding", "latin-9000"]).contains("unknown encoding"));
    world.load(&[]);
    let elsewhere = world.complaint(&["--table", "files_complaints.u"]);
    assert!(elsewhere.contains("has loaded the file into files_complaints.t"), "{elsewhere}");
    assert_eq!(world.one("SELECT to_regclass('files_complaints.u') IS NULL"), "t");
}

/// Numbered rows in several files, one of which is so large that it is cut into parts.
fn many_rows(world: &Files) -> i64 {
    let mut n = 0;
    let mut file = |name: &str, rows: i64| {
        let mut text = String::from("n,file,note\n");
        for _ in 0..rows {
            let bad = n % 50_021 == 50_020;
            let note = if n % 7 == 0 { "\"a, \"\"b\"\"\nc\"" } else { "plain text" };
            text += &if bad { format!("{n},bad\n") } else { format!("{n},{name},{note}\n") };
            n += 1;
        }
        world.write(&format!("{name}.csv"), text);
    };
    file("a", 300_000);
    file("b", 300_000);
    file("large", 6_200_000);
    n
}

fn assert_complete(world: &mut Files, rows: i64) {
    world.assert_invariant();
    let bad = rows / 50_021;
    let expected = format!("{}|{}|{}", rows - bad, rows - bad, rows - 1);
    assert_eq!(world.one("SELECT count(*), count(DISTINCT n), max(n) FROM $t"), expected);
    assert_eq!(world.dead_letters().len() as i64, bad);
    let notes = "SELECT count(*) FROM $t WHERE (n % 7 = 0) <> (note = E'a, \"b\"\\nc')";
    assert_eq!(world.one(notes), "0");
    let sql = "SELECT bool_and(done), count(*) > 3 FROM loader.files WHERE job = $job";
    assert_eq!(world.one(sql), "t|t", "the large file has parts, and all are done");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn killed_runs_store_every_row_exactly_once() {
    let mut world = Files::new("files_killed", "csv");
    let rows = many_rows(&world);
    let seed = std::env::var("TALLY_TEST_SEED")
        .map_or_else(|_| u64::from(std::process::id()), |x| x.parse().unwrap());
    println!("TALLY_TEST_SEED={seed}");
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut kills_inside = 0;
    for kill in 0..12 {
        let before = loaded(&mut world);
        let mut child = world.command(&["--jobs", "3"]).spawn().unwrap();
        if kill >= 4 {
            wait_for(&mut world, &mut child, |now| now > before);
        }
        std::thread::sleep(Duration::from_millis(random.next_u64() % 120));
        child.kill().unwrap();
        child.wait().unwrap();
        world.assert_invariant();
        let now = loaded(&mut world);
        println!("kill {kill}: {before} to {now} rows");
        kills_inside += i64::from(now > before && now < rows - rows / 50_021);
    }
    assert!(kills_inside > 2, "{kills_inside} kills came in the middle of the work");
    // A polite end is one between batches.
    let before = loaded(&mut world);
    let mut child = world.command(&["--jobs", "1"]).spawn().unwrap();
    wait_for(&mut world, &mut child, |now| now > before);
    terminate(&child);
    assert!(child.wait().unwrap().success());
    world.assert_invariant();
    world.load(&[]);
    assert_complete(&mut world, rows);
    assert!(world.load(&[]).contains("loaded 0 rows of 0 files"));
    assert_complete(&mut world, rows);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn runs_at_once_and_lost_connections_duplicate_nothing() {
    let mut world = Files::new("files_together", "csv");
    let rows = many_rows(&world);
    let mut runs: Vec<Child> = (0..3).map(|_| world.command(&["--jobs", "2"]).spawn().unwrap()).collect();
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(300));
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE application_name = 'tally files_together' AND backend_type = 'client backend'
                     AND query ~ 'COPY|COMMIT|loader.files SET'";
        world.one(sql);
    }
    for run in runs.drain(..) {
        let output = run.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        // A run may find that another one has moved its part while it was away; none of them stores a row twice.
        assert!(
            output.status.success() || text.contains("run the command again") || text.contains("database"),
            "{text}"
        );
    }
    world.load(&[]);
    assert_complete(&mut world, rows);
}

fn loaded(world: &mut Files) -> i64 {
    if world.one("SELECT to_regclass('loader.files') IS NULL") == "t" {
        return 0;
    }
    world.one("SELECT coalesce(sum(rows), 0) FROM loader.files WHERE job = $job").parse().unwrap()
}

fn wait_for(world: &mut Files, child: &mut Child, condition: impl Fn(i64) -> bool) {
    for _ in 0..60_000 {
        if condition(loaded(world)) || child.try_wait().unwrap().is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("nothing was loaded within five minutes");
}
