//! Several lanes that write at the same time: tables that change under them, locks in their way, and a stop meanwhile.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::ClientConfig;
use tally_testkit::{connect, start, tally, terminate, wait_until, Loader, World, STUCK};

const PARTITIONS: i32 = 4;

/// A topic of several partitions, with messages that the function makes from the partition and a number.
fn produce(world: &World, topic: &str, count: i64, message: impl Fn(i32, i64) -> String) {
    world.cluster.create_topic(topic, PARTITIONS, 1).unwrap();
    let mut config = ClientConfig::new();
    let producer: BaseProducer =
        config.set("bootstrap.servers", world.cluster.bootstrap_servers()).create().unwrap();
    for partition in 0..PARTITIONS {
        for number in 0..count {
            let value = message(partition, number);
            let record = BaseRecord::<(), str>::to(topic).partition(partition).payload(&value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
    }
    producer.flush(STUCK).unwrap();
}

fn config(world: &World, topic: &str, more: &str, in_topic: &str) -> String {
    let config = world.config(in_topic);
    let config =
        config.replace(&format!("name = '{}'\ntable", world.name), &format!("name = '{topic}'\ntable"));
    format!("writers = 4\nbatch = {{ rows = 50 }}\n{more}\n{config}")
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn lanes_that_infer_different_columns_agree_on_one_table() {
    let mut world = World::new("lanes_inferred");
    let keys = ["a", "b", "c", "d"];
    produce(&world, "lanes_inferred_4", 2_000, |partition, number| {
        format!("{{\"n\":{number},\"{}\":{number}}}", keys[partition as usize])
    });
    let config = config(&world, "lanes_inferred_4", "", "sample = 20");
    let output = tally("load", &config, &["--until-end", "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Whoever was first, the others' fields are in its overflow column.
    let counts = "SELECT count(*) || ' ' || count(overflow) FROM lanes_inferred.t";
    assert_eq!(world.column(counts), ["8000 6000"]);
    let sums = "SELECT sum(n)::text FROM lanes_inferred.t";
    assert_eq!(world.column(sums), [(4 * (0..2_000).sum::<i64>()).to_string()]);
    let history =
        "SELECT count(*)::text FROM loader.schema_history WHERE job = 'lanes_inferred' AND ddl IS NOT NULL";
    assert_eq!(world.column(history), ["1"]);
    assert!(world.dead_letters().is_empty());
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn lanes_that_meet_different_fields_all_add_their_columns() {
    let mut world = World::new("lanes_growing");
    produce(&world, "lanes_growing_4", 2_000, |partition, number| {
        // Each partition has fields of its own, in the middle of batches, and one that all begin to have at once.
        let own = number / 700 + 10 * i64::from(partition);
        format!("{{\"n\":{number},\"own{own}\":{number},\"step{}\":0.5}}", number / 500)
    });
    let config = config(&world, "lanes_growing_4", "", "sample = 20\nunknown_fields = 'add'");
    let output = tally("load", &config, &["--until-end", "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts = "SELECT count(*) || ' ' || count(overflow) || ' ' || count(step3) FROM lanes_growing.t";
    assert_eq!(world.column(counts), ["8000 0 2000"]);
    let own: Vec<String> = (0..4).flat_map(|p| (0..3).map(move |n| format!("own{}", n + 10 * p))).collect();
    let sum = format!("SELECT sum(coalesce({}))::text FROM lanes_growing.t", own.join(", "));
    assert_eq!(world.column(&sum), [(4 * (0..2_000).sum::<i64>()).to_string()]);
    assert!(world.dead_letters().is_empty());
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn who_holds_a_lock_is_said_and_a_stop_does_not_wait_for_it() {
    let mut world = World::new("lanes_locked");
    produce(&world, "lanes_locked_4", 500, |_, number| format!("{{\"id\":{number}}}"));
    world.database.batch_execute("CREATE TABLE lanes_locked.t (id bigint, overflow jsonb)").unwrap();
    let mut locking = connect();
    let mut lock = locking.transaction().unwrap();
    lock.batch_execute("LOCK TABLE lanes_locked.t IN SHARE MODE").unwrap();
    let config = config(&world, "lanes_locked_4", "stop_ms = 1000", "");
    let directory = tempfile::tempdir().unwrap();
    let (file, log) = (directory.path().join("load.toml"), directory.path().join("log"));
    fs::write(&file, &config).unwrap();
    let loader = Loader::start(&file, &log, &["--quiet"], &[]);
    let waiting = "SELECT count(*)::text FROM pg_stat_activity
                   WHERE application_name = 'tally lanes_locked' AND wait_event_type = 'Lock'";
    wait_until(|| world.column(waiting) == ["4"]);
    let text = || fs::read_to_string(&log).unwrap();
    wait_until(|| text().contains("waiting for a lock") && text().contains("LOCK TABLE lanes_locked.t"));
    let (status, took) = loader.terminate_timed();
    println!("stopped after {took:?}");
    assert!(status.success(), "{}", text());
    assert!(text().contains("took too long"), "{}", text());
    lock.rollback().unwrap();

    let output = tally("load", &config, &["--until-end", "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.column("SELECT count(*) || ' ' || sum(id) FROM lanes_locked.t"), ["2000 499000"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_message_that_comes_while_reading_is_paused_is_not_left_out() {
    const AGE: Duration = Duration::from_millis(1500);
    let mut world = World::new("lanes_paused");
    world.database.batch_execute("CREATE TABLE lanes_paused.t (id bigint, overflow jsonb)").unwrap();
    let config = format!("batch = {{ age_ms = {} }}\n{}", AGE.as_millis(), world.config(""));
    let (child, _file) = start("load", &config, &["--quiet"]);
    let mut locking = connect();
    let mut lock = locking.transaction().unwrap();
    lock.batch_execute("LOCK TABLE lanes_paused.t IN SHARE MODE").unwrap();
    world.produce(&[b"{\"id\":1}"]);
    let waiting = "SELECT count(*)::text FROM pg_stat_activity
                   WHERE application_name = 'tally lanes_paused' AND wait_event_type = 'Lock'";
    wait_until(|| world.column(waiting) == ["1"]);
    // One batch waits for the lock, one for the writer, and the third finds no room: nobody sees it, but after a second
    // of that reading is paused. Before each, the end of the partition is met.
    for message in [b"{\"id\":2}", b"{\"id\":3}"] {
        world.produce(&[message]);
        sleep(2 * AGE);
    }
    sleep(2 * AGE);
    world.produce(&[b"{\"id\":4}"]);
    lock.rollback().unwrap();
    wait_until(|| world.column("SELECT id::text FROM lanes_paused.t").contains(&"3".into()));
    world.produce(&[b"{\"id\":5}"]);
    wait_until(|| world.next_offset() == 5);
    assert_eq!(world.column("SELECT id::text FROM lanes_paused.t ORDER BY id"), ["1", "2", "3", "4", "5"]);
    terminate(&child);
    assert!(child.wait_with_output().unwrap().status.success());
}
