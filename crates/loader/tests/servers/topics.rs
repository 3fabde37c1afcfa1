//! Archives of topics: every message comes back, byte for byte and once, whatever is killed; and into the tables that
//! the topic would have been loaded into.

use std::time::Duration;

use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::ClientConfig;
use tally_testkit::{bad, environment, good, tally, HttpFault, HttpProxy, Topic, TopicArchive, World, STUCK};

/// 2026-01-01T00:00:00Z, in milliseconds since 1970.
pub const NEW_YEAR: i64 = 1_767_225_600_000;
pub const HOUR: i64 = 3_600_000;
/// Number of kills that an archive has to survive.
const KILLS: u32 = 12;

/// A world of which no archive knows anything.
pub fn world(name: &'static str) -> World {
    let mut world = World::new(name);
    forget(&mut world, name);
    world
}

fn forget(world: &mut World, job: &str) {
    let tables = [
        "archive_positions",
        "archive_messages",
        "archive_gaps",
        "files",
        "offsets",
        "dead_letters",
        "schema_history",
    ];
    for table in tables {
        if world.exists(&format!("loader.{table}")) {
            let sql = format!("DELETE FROM loader.{table} WHERE job LIKE $1 || '%'");
            world.database.execute(&sql, &[&job]).unwrap();
        }
    }
}

pub fn producer(brokers: &str) -> BaseProducer {
    ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

pub fn send(producer: &BaseProducer, record: BaseRecord<[u8], [u8]>) {
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(STUCK).unwrap();
}

/// The rows of a table as text, in the order of all columns.
pub fn rows(world: &mut World, table: &str) -> Vec<String> {
    world.column(&format!("SELECT t::text FROM {table} AS t ORDER BY 1"))
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn every_message_is_kept_with_its_bytes_in_the_hour_of_its_timestamp() {
    let world = world("topics_bytes");
    let archive = TopicArchive::new(&world.config(""), world.name);
    let producer = producer(&world.cluster.bootstrap_servers());
    let record = |time: i64| BaseRecord::<[u8], [u8]>::to("topics_bytes").timestamp(time);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "trace", value: Some(&[0u8, 255]) })
        .insert(Header { key: "none", value: None::<&[u8]> });
    send(&producer, record(NEW_YEAR).key(b"k\n\"").payload(b"{\"a\": 1}").headers(headers));
    send(&producer, record(NEW_YEAR + HOUR).key(b"\xff\0").payload(b"\0\xfe"));
    send(&producer, record(NEW_YEAR - 1).key(b"late"));
    assert!(archive.run(&[]).starts_with("archived 3 messages in 3 objects"));
    let lines: Vec<String> = archive.lines().values().map(ToString::to_string).collect();
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap().to_string();
    assert_eq!(
        lines,
        [
            parsed(&format!(
                r#"{{"topic":"topics_bytes","partition":0,"offset":0,"timestamp":{NEW_YEAR},"timestamp_type":"create","key":"k\n\"","value":"{{\"a\": 1}}","headers":[{{"name":"trace","value_base64":"AP8="}},{{"name":"none","value":null}}]}}"#
            )),
            parsed(&format!(
                r#"{{"topic":"topics_bytes","partition":0,"offset":1,"timestamp":{},"timestamp_type":"create","key_base64":"/wA=","value_base64":"AP4="}}"#,
                NEW_YEAR + HOUR
            )),
            parsed(&format!(
                r#"{{"topic":"topics_bytes","partition":0,"offset":2,"timestamp":{},"timestamp_type":"create","key":"late","value":null}}"#,
                NEW_YEAR - 1
            )),
        ]
    );
    let hours: Vec<String> = archive.objects().into_keys().collect();
    let hour = |name: &String| name.rsplit_once('/').unwrap().0.to_string();
    assert_eq!(
        hours.iter().map(hour).collect::<Vec<_>>(),
        [
            "topics_bytes/year=2025/month=12/day=31/hour=23",
            "topics_bytes/year=2026/month=01/day=01/hour=00",
            "topics_bytes/year=2026/month=01/day=01/hour=01"
        ]
    );
    assert!(archive.run(&[]).starts_with("archived 0 messages in 0 objects"), "nothing is new");
    send(&producer, record(NEW_YEAR).payload(b"new"));
    assert!(archive.run(&[]).starts_with("archived 1 messages in 1 objects"));
    assert_eq!(archive.lines().len(), 4);

    assert!(good(archive.look("verify")).starts_with("verified 4 of 4 objects, 4 messages"));
    assert!(good(archive.look("status")).contains("topics_bytes"), "the job is named");
    let first = archive.directory.path().join(&hours[0]);
    let whole = std::fs::read(&first).unwrap();
    std::fs::write(&first, &whole[..whole.len() - 1]).unwrap();
    let said = bad(archive.look("verify"));
    assert!(said.contains("hour=23") && said.contains("1 objects are not as they were"), "{said}");
    std::fs::write(&first, whole).unwrap();
    let said = bad(archive.command("/tmp", &[]).output().unwrap());
    assert!(said.contains("topic is archived to"), "{said}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn an_archive_is_loaded_as_the_topic_would_be() {
    const LAST: &str =
        "columns = [{ name = 'id', type = 'bigint' }, { name = 'n', type = 'bigint' }]\nkey = ['id']";
    let mut world = world("topics_load");
    let archive = TopicArchive::new(&world.config(""), world.name);
    let producer = producer(&world.cluster.bootstrap_servers());
    for n in 0..3000i64 {
        // Out of order, so that the last message of an id is often in an earlier hour than the one before it.
        let time = NEW_YEAR + n * 7919 % 24 * HOUR;
        let value = match n % 500 {
            77 => "no JSON".to_string(),
            _ => format!("{{\"id\":{},\"n\":{n},\"text\":\"t{n}\"}}", n % 50),
        };
        let record =
            BaseRecord::<[u8], [u8]>::to(world.name).timestamp(time).key(b"k").payload(value.as_bytes());
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(STUCK).unwrap();
    archive.run(&[]);
    for (rest, what) in [("", "inferred"), (LAST, "the newest of each id")] {
        let sql = "DROP TABLE IF EXISTS topics_load.t; DELETE FROM loader.schema_history WHERE job LIKE 'topics_load%';
                   DELETE FROM loader.offsets WHERE job LIKE 'topics_load%'; DELETE FROM loader.dead_letters WHERE job LIKE 'topics_load%'";
        world.load("");
        world.database.batch_execute(sql).unwrap();
        let rest = match rest {
            "" => rest.to_string(),
            _ => format!("unknown_fields = 'ignore'\n{rest}"),
        };
        world.load(&rest);
        let (expected, letters) = (rows(&mut world, "topics_load.t"), world.dead_letters());
        assert_eq!((expected.is_empty(), letters.len()), (false, 6), "{what}");
        world.database.batch_execute(sql).unwrap();
        let job = if what == "inferred" { "topics_load_1" } else { "topics_load_2" };
        let said = good(archive.load(&world.config(&rest), &["--job", job]));
        assert!(said.starts_with("loaded 3000 messages of 24 objects"), "{said}");
        assert!(said.contains("6 of them as dead letters"), "{said}");
        assert_eq!(rows(&mut world, "topics_load.t"), expected, "{what}");
        let sql = format!(
            "SELECT \"offset\"::text FROM loader.dead_letters AS l WHERE job = '{job}' ORDER BY l.\"offset\""
        );
        assert_eq!(world.column(&sql), ["77", "577", "1077", "1577", "2077", "2577"]);
        let said = good(archive.load(&world.config(&rest), &["--job", job]));
        assert!(
            said.contains("loaded 0 messages") && said.contains("24 objects were loaded before"),
            "{said}"
        );
        assert_eq!(rows(&mut world, "topics_load.t"), expected, "nothing twice");
    }
    // The topic goes on where the archive ends.
    let live = "INSERT INTO loader.offsets (job, topic, partition, next_offset, topic_id)
                SELECT 'topics_load_live', topic, partition, next_offset, topic_id FROM loader.archive_positions WHERE job = 'topics_load'";
    world.database.batch_execute(live).unwrap();
    for id in 100..110 {
        world.produce(&[format!("{{\"id\":{id},\"n\":0}}").as_bytes()]);
    }
    let rest = format!("unknown_fields = 'ignore'\n{LAST}");
    good(tally("load", &world.config(&rest), &["--until-end", "--quiet", "--job", "topics_load_live"]));
    let counted = "SELECT count(*) || ' ' || count(*) FILTER (WHERE id >= 100) FROM topics_load.t";
    assert_eq!(world.column(counted), ["60 10"]);
    let letters = "SELECT count(*)::text FROM loader.dead_letters WHERE job = 'topics_load_live'";
    assert_eq!(world.column(letters), ["0"], "nothing was read twice");

    let said = bad(archive.load(&world.config(""), &["--job", "topics_load", "--topic", "other"]));
    assert!(said.contains("no objects of these topics"), "{said}");
    world.database.batch_execute("DROP TABLE topics_load.t").unwrap();
    world.load("");
    let said = bad(archive.load(&world.config(""), &["--job", "topics_load"]));
    assert!(said.contains("the job loads this topic from the broker"), "{said}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn kills_neither_lose_a_message_nor_keep_one_twice() {
    let mut world = world("topics_kills");
    let archive = TopicArchive::new(&world.config(""), world.name);
    let producer = producer(&world.cluster.bootstrap_servers());
    // Of hundreds of hours, so that a chunk has as many objects between which a run may be killed.
    let mut all = 0i64;
    let more = |all: &mut i64| {
        for n in *all..*all + 300 {
            let value = format!("{{\"n\":{n}}}");
            let record = BaseRecord::<[u8], [u8]>::to("topics_kills").timestamp(NEW_YEAR + n % 250 * HOUR);
            producer.send(record.payload(value.as_bytes())).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(STUCK).unwrap();
        *all += 300;
    };
    more(&mut all);
    let mut random = ChaCha12Rng::seed_from_u64(1);
    let mut kills = 0;
    loop {
        // A chunk that was planned when the topic ended here keeps its range.
        if kills < KILLS {
            more(&mut all);
        }
        let before = archive.objects().len() as u64;
        let mut child = archive.command(archive.place(), &[]).spawn().unwrap();
        let goal = before + u64::from(random.next_u32() % 250);
        let pause = Duration::from_micros(u64::from(random.next_u32() % 3000));
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if glob::glob(&format!("{}/**/*.zst", archive.place())).unwrap().count() as u64 >= goal {
                std::thread::sleep(pause);
                break None;
            }
        };
        let _ = child.kill();
        child.wait().unwrap();
        let next = world.column("SELECT coalesce(max(next_offset), 0)::text FROM loader.archive_positions WHERE job = 'topics_kills'");
        let next: i64 = next[0].parse().unwrap();
        let lines = archive.lines();
        let missing = (0..next).find(|offset| !lines.contains_key(&(0, *offset)));
        assert_eq!(missing, None, "before {next}");
        match ended {
            Some(status) => {
                assert!(status.success() && next == all && lines.len() as i64 == all);
                if kills == KILLS {
                    break;
                }
            }
            None => kills = (kills + 1).min(KILLS),
        }
        // The session of the killed run holds its claim until the server notices.
        tally_testkit::wait_until(|| {
            world.column("SELECT count(*)::text FROM pg_stat_activity WHERE application_name LIKE '%archive topics_kills%'") == ["0"]
        });
    }
    let planned =
        "SELECT count(*)::text FROM loader.archive_messages WHERE job = 'topics_kills' AND state = 'planned'";
    assert_eq!(world.column(planned), ["0"]);
    assert!(good(archive.look("verify")).contains("verified"), "all are whole");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL, and an object store, in AWS_ENDPOINT_URL"]
fn faults_of_the_store_are_waited_out_and_one_archive_is_at_work() {
    let mut world = world("topics_faults");
    let archive = TopicArchive::new(&world.config(""), world.name);
    let producer = producer(&world.cluster.bootstrap_servers());
    let filler = "x".repeat(1000);
    for n in 0..200i64 {
        let record = BaseRecord::<[u8], [u8]>::to(world.name)
            .timestamp(NEW_YEAR + n % 3 * HOUR)
            .payload(filler.as_bytes());
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(STUCK).unwrap();
    let server = environment("AWS_ENDPOINT_URL");
    let proxy = HttpProxy::to(server.strip_prefix("http://").unwrap().parse().unwrap());
    for fault in [HttpFault::Status(500), HttpFault::Status(503), HttpFault::LoseAnswer] {
        proxy.fail("PUT", fault, 1);
    }
    for fault in [HttpFault::Status(503), HttpFault::CutAfter(150)] {
        proxy.fail("GET", fault, 1);
    }
    let place = format!("s3://tally/topics_faults_{}", std::process::id());
    let mut command = archive.command(&place, &[]);
    command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", proxy.port));
    let said = good(command.output().unwrap());
    assert!(said.starts_with("archived 200 messages in 3 objects"), "{said}");
    assert_eq!(proxy.faults_left(), 0);
    assert!(good(archive.look("verify")).starts_with("verified 3 of 3 objects, 200 messages"));

    let key =
        "hashtext('pg_tally archive topic'), hashtext(format('%L %L', 'topics_faults', 'topics_faults'))";
    world.database.batch_execute(&format!("SELECT pg_advisory_lock({key})")).unwrap();
    let said = bad(archive.command(&place, &[]).output().unwrap());
    assert!(said.contains("another archive of this topic is at work"), "{said}");
    world.database.batch_execute(&format!("SELECT pg_advisory_unlock({key})")).unwrap();

    // Under another job the objects have the same names.
    archive.run(&["--job", "topics_faults_1"]);
    let said = archive.run(&["--job", "topics_faults_2"]);
    assert!(said.starts_with("archived 200 messages in 3 objects"), "equal ones are taken: {said}");
    let name = archive.directory.path().join(archive.objects().into_keys().next().unwrap());
    std::fs::write(name, zstd::encode_all(&b"{}\n"[..], 1).unwrap()).unwrap();
    for _ in 0..2 {
        let said = archive.complaint(&["--job", "topics_faults_3"]);
        assert!(said.contains("there is another object in place of the archive's"), "{said}");
    }
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn transactions_retention_and_topics_made_anew() {
    let mut world = world("topics_real");
    let topic = Topic::new("topics_real");
    let config = topic.config(&world, "");
    let archive = TopicArchive::new(&config, &topic.name);
    let transactional = topic.producer(true);
    transactional.init_transactions(STUCK).unwrap();
    for (id, is_kept) in [(0, true), (1, false), (2, true)] {
        transactional.begin_transaction().unwrap();
        topic.send(&transactional, 0, id, Some(NEW_YEAR));
        match is_kept {
            true => transactional.commit_transaction(STUCK).unwrap(),
            false => transactional.abort_transaction(STUCK).unwrap(),
        }
    }
    let values = |archive: &TopicArchive| -> Vec<String> {
        archive.lines().values().map(|line| line["value"].as_str().unwrap().to_string()).collect()
    };
    assert!(archive.run(&[]).starts_with("archived 2 messages"));
    assert_eq!(values(&archive), ["{\"id\":0}", "{\"id\":2}"]);
    let position = "SELECT next_offset::text FROM loader.archive_positions WHERE job = 'topics_real'";
    assert_eq!(world.column(position), ["6"], "behind the marker of the last transaction");
    assert!(archive.run(&[]).starts_with("archived 0 messages in 0 objects"));
    transactional.begin_transaction().unwrap();
    topic.send(&transactional, 0, 3, Some(NEW_YEAR));
    assert!(archive.run(&[]).starts_with("archived 0 messages"), "it may still be aborted");
    transactional.commit_transaction(STUCK).unwrap();
    assert!(archive.run(&[]).starts_with("archived 1 messages"));

    // As if the run had been killed when the first of its two objects was written, and retention came before the next.
    let producer = topic.producer(false);
    for (id, hour) in [(4, 1), (5, 2), (6, 1), (7, 2)] {
        topic.send(&producer, 0, id, Some(NEW_YEAR + hour * HOUR));
    }
    assert!(archive.run(&[]).starts_with("archived 4 messages in 2 objects"));
    let lost = archive.objects().into_keys().find(|name| name.contains("hour=02")).unwrap();
    std::fs::remove_file(archive.directory.path().join(lost)).unwrap();
    let back =
        "UPDATE loader.archive_messages SET state = 'planned' WHERE job = 'topics_real' AND from_offset = 8;
                UPDATE loader.archive_positions SET next_offset = 8 WHERE job = 'topics_real'";
    world.database.batch_execute(back).unwrap();
    topic.drop_before(10);
    let said = archive.complaint(&[]);
    assert!(said.contains("offset 8 comes next, but the broker's oldest is 10"), "{said}");
    let skip = archive.with_config(&topic.config(&world, "on_gap = 'skip'"));
    assert!(skip.run(&[]).starts_with("archived 1 messages in 1 objects"));
    let ids = ["0", "2", "3", "4", "6", "7"].map(|id| format!("{{\"id\":{id}}}"));
    assert_eq!(values(&skip), ids, "what was written is kept, and of the rest what the topic still has");
    let gap = "SELECT from_offset || ' ' || to_offset FROM loader.archive_gaps WHERE job = 'topics_real'";
    assert_eq!(world.column(gap), ["8 10"]);

    topic.recreate();
    topic.send(&producer, 0, 100, Some(NEW_YEAR));
    let said = skip.complaint(&[]);
    assert!(said.contains("the topic was recreated: its id was"), "{said}");
    assert!(skip.run(&["--job", "topics_real_2"]).starts_with("archived 1 messages"));
    assert_eq!(skip.objects().values().flat_map(|text| text.lines()).count(), 7, "both topics are kept");
}
