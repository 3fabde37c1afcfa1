//! Positions that the broker does not have, partitions that were not there before, and transactions of producers.

use std::process::Child;
use std::time::Duration;

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use rdkafka::producer::Producer;
use tally_testkit::{complaint, start, tally, terminate, wait_until, Topic, World, STUCK};

const COLUMNS: &str = "columns = [{ name = 'id', type = 'bigint' }]\nunknown_fields = 'ignore'";
const SKIP: &str = "columns = [{ name = 'id', type = 'bigint' }]\nunknown_fields = 'ignore'\non_gap = 'skip'";

/// Produces enough bytes for the broker, which keeps 5 MiB of a partition, to drop what was there before.
fn push_out(world: &World, messages: i64) {
    let filler = "x".repeat(100_000);
    let values: Vec<String> =
        (0..messages).map(|id| format!("{{\"id\":{},\"filler\":\"{filler}\"}}", 1000 + id)).collect();
    world.produce(&values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>());
}

fn gaps(world: &mut World) -> Vec<(i64, i64)> {
    let sql = "SELECT from_offset, to_offset FROM loader.gaps WHERE job = $1 ORDER BY at";
    let rows = world.database.query(sql, &[&world.name]).unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// The rows are those of the messages outside the gaps.
fn assert_all_but_gaps(world: &mut World) {
    let gaps = gaps(world);
    let missing: i64 = gaps.iter().map(|(from, to)| to - from).sum();
    let sql = format!("SELECT count(*) FROM {}.t", world.name);
    let rows: i64 = world.database.query_one(&sql, &[]).unwrap().get(0);
    assert!(missing > 0 && rows > 0);
    assert_eq!(rows + missing, world.next_offset());
}

fn stop(child: Child) -> String {
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn retention_stops_the_loader_or_leaves_a_recorded_gap() {
    let mut world = World::new("positions_gap");
    world.produce(&[b"{\"id\":0}", b"{\"id\":1}"]);
    world.load(COLUMNS);
    push_out(&world, 100);
    let text = complaint(&world.config(COLUMNS));
    assert!(text.contains("offset 2 comes next") && text.contains("on_gap = \"skip\""), "{text}");
    assert_eq!((world.next_offset(), gaps(&mut world).len()), (2, 0));

    world.load(SKIP);
    assert_eq!(world.next_offset(), 102);
    assert_eq!(gaps(&mut world).len(), 1);
    assert_all_but_gaps(&mut world);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn retention_that_overtakes_a_running_loader_is_noticed() {
    let mut world = World::new("positions_overtaken");
    let (child, _file) = start("load", &world.config(SKIP), &[]);
    wait_until(|| world.exists("loader.offsets") && world.exists("positions_overtaken.t"));
    world.produce(&[b"{\"id\":0}"]);
    wait_until(|| world.next_offset() == 1);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGSTOP).unwrap();
    // More than fits into the queue of the client that is stopped, the buffers on the way, and the partition.
    for _ in 0..3 {
        push_out(&world, 100);
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGCONT).unwrap();
    wait_until(|| world.next_offset() == 301);
    assert_eq!(gaps(&mut world).len(), 1);
    assert_all_but_gaps(&mut world);
    let text = stop(child);
    assert!(text.contains("retention removed messages"), "{text}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_topic_made_anew_stops_the_loader_whatever_is_configured() {
    let mut world = World::new("positions_anew");
    world.produce(&[b"{\"id\":0}"]);
    world.load(SKIP);
    let moved = "UPDATE loader.offsets SET next_offset = 5 WHERE job = $1";
    world.database.execute(moved, &[&world.name]).unwrap();
    let text = complaint(&world.config(SKIP));
    assert!(text.contains("the broker ends at 1: the topic was recreated"), "{text}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn lost_positions_are_not_taken_for_a_first_start() {
    let mut world = World::new("positions_lost");
    world.produce(&[b"{\"id\":0}", b"{\"id\":1}"]);
    world.load(COLUMNS);
    world.database.execute("DELETE FROM loader.offsets WHERE job = $1", &[&world.name]).unwrap();
    let text = complaint(&world.config(COLUMNS));
    assert!(text.contains("positions are missing") && text.contains("--accept-empty-positions"), "{text}");
    let config = world.config(COLUMNS);
    let output = tally("load", &config, &["--until-end", "--quiet", "--accept-empty-positions"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.column("SELECT count(*)::text FROM positions_lost.t"), ["4"]);
    assert_eq!(world.next_offset(), 2);
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn partitions_that_are_added_are_read_from_their_first_message() {
    let mut world = World::new("positions_added");
    let topic = Topic::new("positions_added");
    let producer = topic.producer(false);
    topic.send(&producer, 0, 0, None);
    // Where the topic is read from its end, this is not the end of partitions that did not exist.
    let config = topic.config(&world, &format!("start = 'latest'\n{COLUMNS}"));
    let config = format!("kafka = {{ 'topic.metadata.refresh.interval.ms' = 300 }}\n{config}");
    let (child, _file) = start("load", &config, &[]);
    wait_until(|| world.exists("loader.offsets") && world.exists("positions_added.t"));
    topic.send(&producer, 0, 1, None);
    wait_until(|| world.column("SELECT id::text FROM positions_added.t") == ["1"]);

    topic.grow_to(3);
    let producer = topic.producer(false);
    topic.send(&producer, 1, 2, None);
    topic.send(&producer, 2, 3, None);
    wait_until(|| world.column("SELECT id::text FROM positions_added.t ORDER BY id") == ["1", "2", "3"]);
    stop(child);

    // And while no loader is running.
    topic.grow_to(4);
    let producer = topic.producer(false);
    topic.send(&producer, 3, 4, None);
    let output = tally("load", &config, &["--until-end", "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.column("SELECT id::text FROM positions_added.t ORDER BY id"), ["1", "2", "3", "4"]);
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn only_committed_transactions_are_loaded() {
    let mut world = World::new("positions_transactions");
    let topic = Topic::new("positions_transactions");
    let producer = topic.producer(true);
    producer.init_transactions(STUCK).unwrap();
    for transaction in 0..6 {
        producer.begin_transaction().unwrap();
        topic.send(&producer, 0, 10 * transaction, None);
        topic.send(&producer, 0, 10 * transaction + 1, None);
        if transaction % 2 == 0 {
            producer.commit_transaction(STUCK).unwrap();
        } else {
            producer.abort_transaction(STUCK).unwrap();
        }
    }
    let expected = ["0", "1", "20", "21", "40", "41"];
    let config = topic.config(&world, COLUMNS);
    for _ in 0..2 {
        let output = tally("load", &config, &["--until-end", "--quiet"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(world.column("SELECT id::text FROM positions_transactions.t ORDER BY id"), expected);
    }
    // What is still open is not loaded, and does not keep a loader from going on when it is committed.
    let (child, _file) = start("load", &config, &[]);
    producer.begin_transaction().unwrap();
    topic.send(&producer, 0, 60, None);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(world.column("SELECT id::text FROM positions_transactions.t ORDER BY id"), expected);
    producer.commit_transaction(STUCK).unwrap();
    wait_until(|| world.column("SELECT id::text FROM positions_transactions.t WHERE id = 60") == ["60"]);
    stop(child);
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn what_transactions_leave_behind_is_neither_lag_nor_a_gap() {
    let mut world = World::new("positions_marks");
    let topic = Topic::new("positions_marks");
    let producer = topic.producer(true);
    producer.init_transactions(STUCK).unwrap();
    let config = topic.config(&world, COLUMNS);
    let load = |world: &mut World, end: i64| {
        let output = tally("load", &config, &["--until-end", "--quiet"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let sql =
            "SELECT next_offset || ' ' || high_watermark FROM loader.offsets WHERE job = 'positions_marks'";
        assert_eq!(world.column(sql), [format!("{end} {end}")]);
    };
    producer.begin_transaction().unwrap();
    topic.send(&producer, 0, 1, None);
    producer.commit_transaction(STUCK).unwrap();
    load(&mut world, 2);
    topic.drop_before(2);
    load(&mut world, 2);
    producer.begin_transaction().unwrap();
    topic.send(&producer, 0, 2, None);
    topic.send(&producer, 0, 3, None);
    producer.abort_transaction(STUCK).unwrap();
    load(&mut world, 5);
    topic.drop_before(5);
    load(&mut world, 5);
    assert_eq!(world.column("SELECT id::text FROM positions_marks.t"), ["1"]);

    // The same while it runs and nothing else comes.
    let (child, _file) = start("load", &config, &[]);
    producer.begin_transaction().unwrap();
    topic.send(&producer, 0, 4, None);
    producer.commit_transaction(STUCK).unwrap();
    wait_until(|| world.next_offset() == 7);
    stop(child);
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn a_topic_made_anew_is_noticed_by_its_id() {
    let mut world = World::new("positions_id");
    let topic = Topic::new("positions_id");
    let config = topic.config(&world, COLUMNS);
    let producer = topic.producer(false);
    topic.send(&producer, 0, 1, None);
    assert!(tally("load", &config, &["--until-end", "--quiet"]).status.success());
    topic.recreate();
    let producer = topic.producer(false);
    (2..5).for_each(|id| topic.send(&producer, 0, id, None));
    let text = complaint(&config);
    assert!(text.contains("the topic was recreated: its id was "), "{text}");
    assert!(text.contains("tally reset"), "{text}");
    assert_eq!(world.column("SELECT id::text FROM positions_id.t"), ["1"]);

    // Who knows no id yet takes the one that is there.
    world
        .database
        .execute("UPDATE loader.offsets SET topic_id = NULL WHERE job = $1", &[&world.name])
        .unwrap();
    let (child, _file) = start("load", &config, &["--quiet"]);
    wait_until(|| world.next_offset() == 3);
    topic.recreate();
    let producer = topic.producer(false);
    (5..10).for_each(|id| topic.send(&producer, 0, id, None));
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("recreated"), "{text}");
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn a_topic_made_anew_is_noticed_although_its_offsets_go_on() {
    let mut world = World::new("positions_id_running");
    let topic = Topic::new("positions_id_running");
    let config = topic.config(&world, COLUMNS);
    let producer = topic.producer(false);
    (1..4).for_each(|id| topic.send(&producer, 0, id, None));
    let (mut child, _file) = start("load", &config, &["--quiet"]);
    wait_until(|| world.exists("positions_id_running.t") && world.next_offset() == 3);
    // The loader sees neither a time without the topic nor one with fewer messages: only the id is another.
    let loader = Pid::from_raw(child.id() as i32);
    kill(loader, Signal::SIGSTOP).unwrap();
    topic.recreate();
    let producer = topic.producer(false);
    (4..14).for_each(|id| topic.send(&producer, 0, id, None));
    kill(loader, Signal::SIGCONT).unwrap();
    wait_until(|| child.try_wait().unwrap().is_some());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("the topic was recreated: its id was "), "{text}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn positions_are_moved_only_where_that_is_meant() {
    let mut world = World::new("positions_reset");
    world.produce(&[b"{\"id\":0}", b"{\"id\":1}", b"no", b"{\"id\":3}"]);
    let config = world.config(COLUMNS);
    world.load(COLUMNS);
    let status = String::from_utf8(tally("status", &config, &[]).stdout).unwrap();
    assert!(status.starts_with("job \"positions_reset\": no loader is connected\n"), "{status}");
    let has =
        |words: &[&str]| status.lines().any(|line| line.split_whitespace().take(5).eq(words.iter().copied()));
    assert!(has(&["positions_reset", "0", "4", "4", "0"]), "{status}");
    assert!(status.contains("22032"), "{status}");

    let reset = |options: &[&str]| {
        let output = tally("reset", &config, &[&["--topic", "positions_reset"], options].concat());
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let (done, text) = reset(&[]);
    assert!(!done && text.contains("4 messages that are stored would be stored again"), "{text}");
    world.produce(&[b"{\"id\":4}"]);
    let (done, text) = reset(&["--to", "end"]);
    assert!(!done && text.contains("1 messages that are not stored would be passed over"), "{text}");
    assert_eq!(world.next_offset(), 4);
    let (done, text) = reset(&["--to", "end", "--accept-gaps"]);
    assert!(done && text.contains("partition 0: from 4 to 5"), "{text}");
    assert_eq!(gaps(&mut world), [(4, 5)]);

    world
        .database
        .batch_execute(
            "TRUNCATE positions_reset.t; DELETE FROM loader.dead_letters WHERE job = 'positions_reset'",
        )
        .unwrap();
    let (done, text) = reset(&["--accept-duplicates"]);
    assert!(done, "{text}");
    let (child, _file) = start("load", &config, &["--quiet"]);
    wait_until(|| world.next_offset() == 5);
    let (done, text) = reset(&["--accept-duplicates"]);
    assert!(!done && text.contains("a loader of the job is running"), "{text}");
    stop(child);
    assert_eq!(world.column("SELECT id::text FROM positions_reset.t ORDER BY id"), ["0", "1", "3", "4"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn leaders_that_move_and_die_take_nothing_along() {
    const MOVES: i64 = 6;
    let mut world = World::with_brokers("positions_leader", 3);
    let (mut loader, _file) = start("load", &world.config(COLUMNS), &["--quiet"]);
    let some = |from: i64| (from..from + 50).map(|id| format!("{{\"id\":{id}}}")).collect::<Vec<_>>();
    let produce = |world: &World, from: i64| {
        let messages = some(from);
        world.produce(&messages.iter().map(String::as_bytes).collect::<Vec<_>>());
    };
    for round in 0..MOVES {
        let (old, new) = ((round % 3 + 1) as i32, ((round + 1) % 3 + 1) as i32);
        world.cluster.partition_leader(world.name, 0, Some(old)).unwrap();
        produce(&world, 100 * round);
        world.cluster.partition_leader(world.name, 0, Some(new)).unwrap();
        world.cluster.broker_down(old).unwrap();
        produce(&world, 100 * round + 50);
        wait_until(|| world.exists("positions_leader.t") && world.next_offset() == 100 * (round + 1));
        world.cluster.broker_up(old).unwrap();
        assert!(loader.try_wait().unwrap().is_none());
    }
    loader.kill().unwrap();
    loader.wait().unwrap();
    let sql = "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || max(id) FROM positions_leader.t";
    assert_eq!(world.column(sql), [format!("{0} {0} {1}", 100 * MOVES, 100 * MOVES - 1)]);
}
