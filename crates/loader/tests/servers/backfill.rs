//! Loading between bounds under a job of its own, and replaying dead letters.

use tally_testkit::{tally, Topic, World};

const COLUMNS: &str = "columns = [{ name = 'id', type = 'bigint' }]";
const IDS: &str = "coalesce(string_agg(id::text, ',' ORDER BY id), '')";

fn run(world: &World, command: &str, options: &[&str]) -> String {
    let output = tally(command, &world.config(COLUMNS), options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn rows(world: &mut World) -> String {
    let sql = format!("SELECT {IDS} FROM {}.t", world.name);
    world.column(&sql).remove(0)
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn a_backfill_reads_between_its_bounds_and_resumes() {
    let mut world = World::new("backfill_bounds");
    for table in ["offsets", "schema_history"] {
        if world.exists(&format!("loader.{table}")) {
            let sql = format!("DELETE FROM loader.{table} WHERE job LIKE 'backfill_bounds_%'");
            world.database.batch_execute(&sql).unwrap();
        }
    }
    // Messages 0 to 9, one a minute since 2026-01-01T00:00:00Z.
    let topic = Topic::new("backfill_bounds");
    let producer = topic.producer(false);
    for id in 0..10 {
        topic.send(&producer, 0, id, Some(1_767_225_600_000 + 60_000 * id));
    }
    let config = topic.config(&world, COLUMNS);
    let load = |options: &[&str]| {
        let output = tally("load", &config, options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let by_offset = ["--quiet", "--job", "backfill_bounds_o", "--from", "2", "--to", "5"];
    load(&by_offset);
    assert_eq!(rows(&mut world), "2,3,4");
    load(&by_offset);
    assert_eq!(rows(&mut world), "2,3,4", "it is done");

    world.database.batch_execute("TRUNCATE backfill_bounds.t").unwrap();
    let between = |to| {
        load(&["--quiet", "--job", "backfill_bounds_t", "--from", "2026-01-01T00:02:30Z", "--to", to]);
    };
    between("2026-01-01T00:05:00Z");
    assert_eq!(rows(&mut world), "3,4");
    between("2026-01-02T00:00:00Z");
    assert_eq!(rows(&mut world), "3,4,5,6,7,8,9", "it went on where it had stopped");

    let output = tally("load", &config, &["--from", "2"]);
    assert_eq!(output.status.code(), Some(2), "a backfill needs a job of its own");
    let output = tally("load", &config, &["--topic", "other", "--until-end"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no topic \"other\""));
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn dead_letters_are_replayed_with_the_configuration_of_the_day() {
    let mut world = World::new("backfill_replay");
    world
        .database
        .batch_execute("CREATE TABLE backfill_replay.t (id bigint CHECK (id < 100), overflow jsonb)")
        .unwrap();
    world.produce(&[
        b"{\"id\":0}",
        b"{\"id\":\"x1\"}",
        b"not json",
        b"{\"id\":99999999999}",
        b"{\"id\":300}",
        b"{\"id\":\"x5\"}",
        b"{\"id\":6}",
    ]);
    assert_eq!(
        run(&world, "replay", &[]),
        "stored: 0, still dead letters: 0\n",
        "and nothing is taken for loaded"
    );
    world.load(COLUMNS);
    assert_eq!(rows(&mut world), "0,6");
    let letters = |world: &mut World| {
        let sql = "SELECT \"offset\" || ' ' || sqlstate || ' ' || attempts FROM loader.dead_letters
                   WHERE job = 'backfill_replay' ORDER BY \"offset\"";
        world.column(sql)
    };
    assert_eq!(letters(&mut world), ["1 22P02 1", "2 22032 1", "3 23514 1", "4 23514 1", "5 22P02 1"]);

    assert_eq!(run(&world, "replay", &[]), "stored: 0, still dead letters: 5\n");
    assert_eq!(letters(&mut world), ["1 22P02 2", "2 22032 2", "3 23514 2", "4 23514 2", "5 22P02 2"]);

    world.database.batch_execute("ALTER TABLE backfill_replay.t DROP CONSTRAINT t_id_check").unwrap();
    let some = ["--where", "sqlstate=23514", "--limit", "1"];
    let tried = run(&world, "replay", &[&some[..], &["--dry-run"]].concat());
    assert_eq!(tried, "would be stored: 1, still dead letters: 0\n");
    assert_eq!((rows(&mut world), letters(&mut world).len()), ("0,6".into(), 5));
    assert_eq!(run(&world, "replay", &some), "stored: 1, still dead letters: 0\n");
    assert_eq!(rows(&mut world), "0,6,99999999999");
    assert_eq!(letters(&mut world), ["1 22P02 2", "2 22032 2", "4 23514 2", "5 22P02 2"]);

    // What was of the wrong type goes into another column with another configuration.
    world.database.batch_execute("ALTER TABLE backfill_replay.t ADD COLUMN name text").unwrap();
    let columns = "columns = [{ name = 'name', type = 'text', from = 'id' }]";
    let config = world.config(columns);
    let output = tally("replay", &config, &["--where", "stage=decode", "--topic", "backfill_replay"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "stored: 2, still dead letters: 1\n");
    let names = "SELECT string_agg(name, ',' ORDER BY name) FROM backfill_replay.t";
    assert_eq!(world.column(names), ["x1,x5"]);
    assert_eq!(letters(&mut world), ["2 22032 3", "4 23514 2"]);
    let output = tally("replay", &config, &["--where", "colour=red"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("sqlstate, stage"));
}
