//! Messages that were made to do harm: each is a dead letter or a clear refusal, what is beside it is stored, and
//! memory stays small.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::ClientConfig;
use serde_json::json;

use crate::avro::{avro, register};
use tally_testkit::{free_address, start, tally, wait_until, Topic, World, STUCK};

const COLUMNS: &str = "columns = [{ name = 'id', type = 'bigint', required = true }]";
const MEMORY_KILOBYTES: u64 = 200_000;

/// Loads until this many messages are done with; returns the peak of its memory.
fn load_until(world: &mut World, config: &str, next_offset: i64) -> u64 {
    let (child, _file) = start("load", config, &["--quiet"]);
    let mut loader = Running(child);
    let sql = "SELECT coalesce(sum(next_offset), 0)::bigint FROM loader.offsets WHERE job = $1";
    wait_until(|| {
        world.exists("loader.offsets")
            && world.database.query_one(sql, &[&world.name]).unwrap().get::<_, i64>(0) == next_offset
    });
    let memory = loader.most_memory();
    println!("{}: {memory} kB at most", world.name);
    memory
}

struct Running(Child);

impl Running {
    fn most_memory(&mut self) -> u64 {
        assert!(self.0.try_wait().unwrap().is_none(), "it runs still");
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ids(world: &mut World) -> Vec<i64> {
    let sql = format!("SELECT id FROM {}.t ORDER BY id", world.name);
    world.database.query(&sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

#[test]
#[ignore = "needs PostgreSQL and a schema registry"]
fn items_of_no_bytes_are_no_work() {
    let mut world = World::new("hostile_items");
    let field = r#"{"type": "array", "items": "null"}"#;
    let id = register(
        world.name,
        &format!(
            r#"{{"type": "record", "name": "n", "fields": [{{"name": "id", "type": "long"}}, {{"name": "items", "type": {field}}},
                {{"name": "skipped", "type": {field}}}]}}"#
        ),
        json!([]),
    );
    let framed = |value: &[u8]| [&[0][..], &id.to_be_bytes(), value].concat();
    // 333,333 blocks of 999,999 items of no bytes.
    let blocks = [0xfe, 0x88, 0x7a].repeat(333_333);
    let first = [&[2][..], &blocks, &[0, 0]].concat();
    let second = [&[4][..], &[0], &blocks, &[0]].concat();
    for value in [&[0, 0, 0][..], &first, &second, &[6, 6, 0, 4, 0]] {
        world.produce(&[&framed(value)]);
    }
    let columns = "columns = [{ name = 'id', type = 'bigint' }, { name = 'items', type = 'jsonb' }]\nunknown_fields = 'ignore'";
    let config = world.config(&avro(columns));
    let memory = load_until(&mut world, &config, 4);
    assert!(memory < MEMORY_KILOBYTES, "{memory} kB");
    assert_eq!(ids(&mut world), [0, 3]);
    let dead = world.dead_letters();
    assert_eq!((dead[&1].1.as_str(), dead[&2].1.as_str()), ("22P03", "22P03"));
}

/// The database keeps the loader waiting long enough for the whole topic to be fetched, if anything lets it.
#[test]
#[ignore = "needs PostgreSQL and Kafka, in DATABASE_URL and KAFKA_BROKERS"]
fn large_headers_take_little_memory() {
    const MESSAGES: i64 = 2000;
    let mut world = World::new("hostile_headers");
    let topic = Topic::new("hostile_headers");
    let config = topic.config(&world, COLUMNS);
    let producer = topic.producer(false);
    producer
        .send(BaseRecord::<(), str>::to(&topic.name).payload("{\"id\":0}"))
        .map_err(|(error, _)| error)
        .unwrap();
    producer.flush(STUCK).unwrap();
    load_until(&mut world, &config, 1);
    let slow = "CREATE FUNCTION hostile_headers.wait() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN IF (SELECT count(*) FROM hostile_headers.t) = 1 THEN PERFORM pg_sleep(3); END IF; RETURN NULL; END';
        CREATE TRIGGER wait BEFORE INSERT ON hostile_headers.t EXECUTE FUNCTION hostile_headers.wait()";
    world.database.batch_execute(slow).unwrap();
    let value = vec![0xa5_u8; 256 << 10];
    for id in 1..MESSAGES {
        let headers = OwnedHeaders::new().insert(Header { key: "h", value: Some(&value) });
        let payload = if id % 100 == 7 { "no".into() } else { format!("{{\"id\":{id}}}") };
        let record = BaseRecord::<(), str>::to(&topic.name).payload(&payload).headers(headers);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        if id % 100 == 99 {
            producer.flush(STUCK).unwrap();
        }
    }
    let memory = load_until(&mut world, &config, MESSAGES);
    assert!(memory < MEMORY_KILOBYTES, "{memory} kB");
    assert_eq!(ids(&mut world).len() as i64, MESSAGES / 100 * 99);
    let sql = "SELECT count(*), sum(length(headers->0->>1))::bigint FROM loader.dead_letters WHERE job = 'hostile_headers'";
    let dead = world.database.query_one(sql, &[]).unwrap();
    let letters = MESSAGES / 100;
    assert_eq!((dead.get::<_, i64>(0), dead.get::<_, i64>(1)), (letters, letters * (2 + 2 * (256 << 10))));
}

fn bomb(topic: &Topic, codec: &str, megabytes: usize) {
    let send = |codec: &str, value: &[u8]| {
        let mut config = ClientConfig::new();
        let brokers = std::env::var("KAFKA_BROKERS").unwrap();
        config.set("bootstrap.servers", brokers).set("compression.type", codec);
        config.set("message.max.bytes", "1000000000").set("queue.buffering.max.kbytes", "2000000");
        let producer: BaseProducer = config.create().unwrap();
        let record = BaseRecord::<(), [u8]>::to(&topic.name).payload(value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(STUCK).unwrap();
    };
    send("none", b"{\"id\":1}");
    send(codec, &vec![b' '; megabytes << 20]);
    send("none", b"{\"id\":2}");
}

#[test]
#[ignore = "needs PostgreSQL and Kafka, in DATABASE_URL and KAFKA_BROKERS"]
fn what_unpacks_to_much_is_a_dead_letter() {
    for (codec, megabytes, kept) in [("zstd", 20, 20), ("gzip", 60, 8)] {
        let mut world = World::new("hostile_bomb");
        let topic = Topic::new(&format!("hostile_bomb_{codec}"));
        bomb(&topic, codec, megabytes);
        let config = topic.config(&world, COLUMNS);
        let memory = load_until(&mut world, &config, 3);
        assert!(memory < MEMORY_KILOBYTES, "{codec}: {memory} kB");
        assert_eq!(ids(&mut world), [1, 2]);
        let sql = "SELECT sqlstate, message, length(value)::bigint FROM loader.dead_letters WHERE job = $1";
        let dead = world.database.query_one(sql, &[&world.name]).unwrap();
        assert_eq!((dead.get(0), dead.get::<_, i64>(2)), ("54000", kept << 20));
        let is_beginning = dead.get::<_, &str>(1).ends_with("only its beginning is kept here");
        assert_eq!(is_beginning, kept < megabytes as i64);
    }
}

#[test]
#[ignore = "needs PostgreSQL and Kafka, in DATABASE_URL and KAFKA_BROKERS"]
fn what_unpacks_to_too_much_is_refused() {
    let mut world = World::new("hostile_zstd");
    let topic = Topic::new("hostile_zstd");
    bomb(&topic, "zstd", 400);
    let output = tally("load", &topic.config(&world, COLUMNS), &["--until-end", "--quiet"]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&format!("topic {:?} partition 0: ", topic.name)), "{text}");
    assert!(text.contains("receive.message.max.bytes"), "{text}");
    assert_eq!(ids(&mut world), [1]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn those_who_hold_connections_shut_nobody_out() {
    let world = World::new("hostile_http");
    let address = free_address();
    let config = format!("{}\n[http]\nlisten = '{address}'", world.config(COLUMNS));
    world.produce(&[b"{\"id\":1}"]);
    let (child, _file) = start("load", &config, &["--quiet"]);
    let _loader = Running(child);
    wait_until(|| TcpStream::connect(address).is_ok());
    // Each sends half a request, or nothing.
    let mut slow: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    slow.iter_mut().step_by(2).for_each(|stream| stream.write_all(b"GET /health HTTP/1.1\r\nHost:").unwrap());
    let mut asking = TcpStream::connect(address).unwrap();
    asking.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // The first ones were closed meanwhile, with or without a word.
    let mut rest = Vec::new();
    let closed = slow[0].read_to_end(&mut rest);
    assert!(closed.is_ok() || closed.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
}
