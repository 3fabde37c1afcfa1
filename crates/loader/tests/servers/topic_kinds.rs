//! Archives of topics of all kinds, on a real Kafka: each has the messages that the topic has, byte for byte, and the
//! table that is loaded from it is the one that the topic itself would have made, with the same dead letters.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use apache_avro::types::Value;
use apache_avro::Schema;
use base64::prelude::{Engine, BASE64_STANDARD};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};
use tally_testkit::{bad, good, wait_until, Topic, TopicArchive, World, STUCK};

use crate::avro::{avro, message, register};
use crate::topics::{rows, send, world, HOUR, NEW_YEAR};

/// Loads the topic, and then its archive in its place; fails unless both make the same table and the same dead letters,
/// which are returned.
fn load_both(world: &mut World, archive: &TopicArchive, config: &str) -> (Vec<String>, Vec<String>) {
    let (name, table) = (world.name, format!("{}.t", world.name));
    let letters = |world: &mut World| {
        world.column(&format!(
            "SELECT l::text FROM (SELECT topic, partition, \"offset\", ts, key, value, headers, schema_id, stage, sqlstate,
                                         column_name, message, attempts
                                  FROM loader.dead_letters WHERE job LIKE '{name}%' ORDER BY \"offset\") AS l"
        ))
    };
    world.load_config(config);
    let live = (rows(world, &table), letters(world));
    let sql = format!(
        "DROP TABLE {table}; DELETE FROM loader.schema_history WHERE job LIKE '{name}%';
         DELETE FROM loader.offsets WHERE job LIKE '{name}%'; DELETE FROM loader.dead_letters WHERE job LIKE '{name}%'"
    );
    world.database.batch_execute(&sql).unwrap();
    good(archive.load(config, &["--job", &format!("{name}_kept")]));
    assert_eq!((rows(world, &table), letters(world)), live);
    live
}

#[test]
#[ignore = "needs a real Kafka, PostgreSQL and a schema registry"]
fn avro_is_kept_with_its_bytes_and_decoded_when_it_is_loaded() {
    const OLD: &str = r#"{"type": "record", "name": "trade", "fields": [
        {"name": "id", "type": "long"}, {"name": "price", "type": "double"}]}"#;
    const NEW: &str = r#"{"type": "record", "name": "trade", "fields": [
        {"name": "id", "type": "long"}, {"name": "price", "type": "double"},
        {"name": "note", "type": ["null", "string"], "default": null}]}"#;
    let mut world = world("kinds_avro");
    let topic = Topic::new("kinds_avro");
    let schema = |text: &str| {
        let id = register(&format!("{}-value", topic.name), text, serde_json::json!([]));
        (id, Schema::parse_str(text).unwrap())
    };
    let (old, new) = (schema(OLD), schema(NEW));
    let values: Vec<Option<Vec<u8>>> = (0..300)
        .map(|n| {
            let (id, price) = (("id", Value::Long(n)), ("price", Value::Double(n as f64 / 7.0)));
            let note = Value::Union(1, Box::new(Value::String(format!("n{n}"))));
            match n % 100 {
                // No framing, a number that no schema has, half a record, and a tombstone.
                7 => Some(b"{\"id\": 7}".to_vec()),
                8 => Some([&[0], &i32::MAX.to_be_bytes()[..], b"\x02"].concat()),
                9 => Some(message(old.0, &old.1, &[id, price])[..8].to_vec()),
                10 => None,
                // Both schemas take turns.
                _ if n % 3 == 0 => Some(message(old.0, &old.1, &[id, price])),
                _ => Some(message(new.0, &new.1, &[id, price, ("note", note)])),
            }
        })
        .collect();
    let producer = topic.producer(false);
    for (n, value) in values.iter().enumerate() {
        // Out of order, so that the objects are of many hours.
        let time = NEW_YEAR + n as i64 * 7919 % 24 * HOUR;
        let headers = OwnedHeaders::new()
            .insert(Header { key: "trace", value: Some(&[0u8, 255][..]) })
            .insert(Header { key: "trace", value: None::<&[u8]> })
            .insert(Header { key: "", value: Some(&b""[..]) });
        let record =
            BaseRecord::<[u8], [u8]>::to(&topic.name).key(b"\xff\0k").timestamp(time).headers(headers);
        let record = value.iter().fold(record, |record, value| record.payload(value));
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(STUCK).unwrap();
    let config = topic.config(&world, &avro(""));
    let archive = TopicArchive::new(&config, &topic.name);
    assert!(archive.run(&[]).starts_with("archived 300 messages in 24 objects"));
    let lines = archive.lines();
    assert_eq!(lines.len(), values.len());
    for ((_, offset), line) in &lines {
        let found = match (line.get("value"), line.get("value_base64")) {
            (Some(text), None) => text.as_str().map(|text| text.as_bytes().to_vec()),
            (None, Some(code)) => Some(BASE64_STANDARD.decode(code.as_str().unwrap()).unwrap()),
            both => panic!("{both:?}"),
        };
        assert_eq!(found, values[*offset as usize], "{offset}");
        assert_eq!(line["key_base64"], "/wBr", "{offset}");
        let headers = r#"[{"name":"trace","value_base64":"AP8="},{"name":"trace","value":null},{"name":"","value":""}]"#;
        assert_eq!(line["headers"], serde_json::from_str::<serde_json::Value>(headers).unwrap());
    }
    let (rows, letters) = load_both(&mut world, &archive, &config);
    assert_eq!((rows.len(), letters.len()), (288, 12), "{letters:?}");
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn a_compacted_topic_is_kept_as_it_was_when_it_was_read() {
    const KEYED: &str = "key = ['symbol']\nunknown_fields = 'ignore'
        columns = [{ name = 'symbol', type = 'text', from = '$key' }, { name = 'n', type = 'bigint' },
                   { name = 'at', type = 'bigint', from = '$offset' }]";
    // A segment has few of these messages: all but the last one are compacted.
    const COMPACT: [(&str, &str); 3] = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "1048576"),
        ("min.cleanable.dirty.ratio", "0.0001"),
    ];
    let mut world = world("kinds_compact");
    let topic = Topic::with("kinds_compact", &COMPACT[1..]);
    let config = topic.config(&world, KEYED);
    let archive = TopicArchive::new(&config, &topic.name);
    let producer = topic.producer(false);
    let filler = "x".repeat(200_000);
    for n in 0..32 {
        let (key, value) = (format!("k{}", n % 4), format!("{{\"n\":{n},\"filler\":\"{filler}\"}}"));
        let record =
            BaseRecord::<[u8], [u8]>::to(&topic.name).timestamp(NEW_YEAR + n % 5 * HOUR).key(key.as_bytes());
        // The last of k1 is its end.
        let record = if n % 8 == 5 { record } else { record.payload(value.as_bytes()) };
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(STUCK).unwrap();
    let kept = |archive: &TopicArchive| {
        archive.lines().into_keys().map(|(_, offset)| offset).collect::<BTreeSet<_>>()
    };
    let position = "SELECT next_offset::text FROM loader.archive_positions WHERE job = 'kinds_compact'";
    assert!(archive.run(&[]).starts_with("archived 32 messages in 5 objects"));

    // What is archived stays, whatever the topic loses then.
    topic.configure(&COMPACT);
    // The broker goes on at any moment: what a run finds is between what was there before and after it.
    let offsets = || topic.offsets().into_iter().collect::<BTreeSet<i64>>();
    // Of each key the last one below is left.
    wait_until(|| offsets().range(..24).count() <= 4);
    assert!(archive.run(&[]).starts_with("archived 0 messages in 0 objects"));
    assert_eq!((kept(&archive), world.column(position)), ((0..32).collect(), vec!["32".to_string()]));
    load_both(&mut world, &archive, &config);

    // A run was killed between its objects, and the topic was compacted before the next one.
    let lost = archive.objects().into_keys().next().unwrap();
    std::fs::remove_file(archive.directory.path().join(lost)).unwrap();
    let (rest, before) = (kept(&archive), offsets());
    let back = "UPDATE loader.archive_messages SET state = 'planned' WHERE job = 'kinds_compact';
                UPDATE loader.archive_positions SET next_offset = 0 WHERE job = 'kinds_compact'";
    world.database.batch_execute(back).unwrap();
    archive.run(&[]);
    let found = kept(&archive);
    assert!(found.is_superset(&rest) && found.is_superset(&offsets()), "{found:?} {rest:?}");
    assert!(found.is_subset(&rest.union(&before).copied().collect()), "{found:?} {rest:?} {before:?}");
    assert_eq!(world.column(position), ["32"]);
    assert!(good(archive.look("verify")).starts_with("verified 5 of 5 objects"));

    // Whoever comes later archives what is left.
    let (late, before) = (TopicArchive::new(&config, &topic.name), offsets());
    late.run(&["--job", "kinds_compact_late"]);
    let found = kept(&late);
    assert!(found.is_subset(&before) && found.is_superset(&offsets()), "{found:?} {before:?}");
    let (rows, letters) = load_both(&mut world, &late, &config);
    assert_eq!((rows.len(), letters.len()), (3, 0), "k1 has ended");
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn messages_of_the_brokers_clock_are_in_the_hours_that_it_says() {
    let mut world = world("kinds_clock");
    let topic = Topic::with("kinds_clock", &[("message.timestamp.type", "LogAppendTime")]);
    let config = topic.config(
        &world,
        "unknown_fields = 'ignore'\ncolumns = [{ name = 'id', type = 'bigint' },
         { name = 'at', type = 'timestamptz', from = '$timestamp' }]",
    );
    let archive = TopicArchive::new(&config, &topic.name);
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let begin = now();
    let producer = topic.producer(false);
    for id in 0..3 {
        topic.send(&producer, 0, id, Some(NEW_YEAR - HOUR));
    }
    assert!(archive.run(&[]).starts_with("archived 3 messages"));
    for (name, text) in archive.objects() {
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["timestamp_type"], "append");
            let time = line["timestamp"].as_i64().unwrap();
            assert!((begin..=now()).contains(&time), "{line}");
            let sql = format!(
                "SELECT to_char(to_timestamp({time} / 1000.0) AT TIME ZONE 'UTC', '\"year=\"YYYY/\"month=\"MM/\"day=\"DD/\"hour=\"HH24')"
            );
            assert!(name.contains(&world.column(&sql)[0]), "{name}");
        }
    }
    load_both(&mut world, &archive, &config);
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn what_comes_after_an_open_transaction_waits_for_its_end() {
    let mut world = world("kinds_open");
    let topic = Topic::new("kinds_open");
    let config = topic.config(&world, "");
    let archive = TopicArchive::new(&config, &topic.name);
    let (transactional, producer) = (topic.producer(true), topic.producer(false));
    transactional.init_transactions(STUCK).unwrap();
    let kept =
        |archive: &TopicArchive| archive.lines().into_keys().map(|(_, offset)| offset).collect::<Vec<_>>();
    let position = "SELECT next_offset::text FROM loader.archive_positions WHERE job = 'kinds_open'";
    // Aborted: 0, 2 and its marker 3; of nobody's: 1, 4.
    transactional.begin_transaction().unwrap();
    topic.send(&transactional, 0, 0, Some(NEW_YEAR));
    topic.send(&producer, 0, 1, Some(NEW_YEAR));
    topic.send(&transactional, 0, 2, Some(NEW_YEAR));
    assert!(archive.run(&[]).starts_with("archived 0 messages"));
    assert_eq!(world.column(position), ["0"]);
    transactional.abort_transaction(STUCK).unwrap();
    // The broker writes the marker a moment later.
    wait_until(|| topic.offsets() == [1]);
    topic.send(&producer, 0, 4, Some(NEW_YEAR));
    assert!(archive.run(&[]).starts_with("archived 2 messages"));
    assert_eq!((kept(&archive), world.column(position)), (vec![1, 4], vec!["5".to_string()]));
    // Nothing but aborted messages: 5, 6 and the marker 7.
    transactional.begin_transaction().unwrap();
    topic.send(&transactional, 0, 5, Some(NEW_YEAR));
    topic.send(&transactional, 0, 6, Some(NEW_YEAR));
    transactional.abort_transaction(STUCK).unwrap();
    wait_until(|| {
        assert!(archive.run(&[]).starts_with("archived 0 messages in 0 objects"));
        world.column(position) == ["8"]
    });
    assert_eq!(kept(&archive), [1, 4]);
    let (rows, _) = load_both(&mut world, &archive, &config);
    assert_eq!(rows.len(), 2);

    // More hours than a chunk may have: the next one begins where it ends, whatever is missing between its offsets.
    for n in 0..800 {
        let record = BaseRecord::<(), str>::to(&topic.name).timestamp(NEW_YEAR + n * HOUR).payload("{}");
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(STUCK).unwrap();
    let again = TopicArchive::new(&config, &topic.name);
    again.run(&["--job", "kinds_open_again"]);
    assert!(kept(&again).into_iter().eq([1, 4].into_iter().chain(8..808)));
    let ranges = "SELECT DISTINCT concat_ws(' ', lpad(from_offset::text, 3, '0'), to_offset) FROM loader.archive_messages
                  WHERE job = 'kinds_open_again' ORDER BY 1";
    assert_eq!(world.column(ranges), ["000 752", "752 808"]);
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn topics_of_one_name_are_loaded_one_after_the_other() {
    let mut world = world("kinds_anew");
    let topic = Topic::new("kinds_anew");
    let config = topic.config(&world, "");
    let archive = TopicArchive::new(&config, &topic.name);
    let producer = topic.producer(false);
    let record = |value: &'static [u8]| {
        BaseRecord::<[u8], [u8]>::to(&topic.name).key(b"k").timestamp(NEW_YEAR).payload(value)
    };
    for value in [&b"{\"id\":1}"[..], b"no JSON", b"{\"id\":2}"] {
        send(&producer, record(value));
    }
    archive.run(&[]);
    let first = archive.objects().into_keys().next().unwrap();
    topic.recreate();
    // More than there were, so that the offsets alone would not tell.
    let producer = topic.producer(false);
    for value in [&b"{\"id\":3}"[..], b"no JSON", b"{\"id\":4}", b"{\"id\":5}"] {
        send(&producer, record(value));
    }
    assert!(archive.complaint(&[]).contains("the topic was recreated: its id was"));
    assert_eq!(archive.objects().len(), 1, "nothing of the new topic");
    archive.run(&["--job", "kinds_anew_2"]);

    let said = bad(archive.load(&config, &["--job", "kinds_anew_3"]));
    assert!(said.contains("objects are of several topics of this name"), "{said}");
    assert!(!world.exists("kinds_anew.t"), "nothing is loaded");
    let of = |id: &str, job: &str| {
        let paths = format!("{}/**/*-{id}.ndjson.zst", archive.place());
        good(archive.load_from(&paths, &config, &["--job", job]))
    };
    let id = |name: &str| name.rsplit('/').next().unwrap().split('.').next().unwrap()[23..].to_string();
    let second = archive.objects().into_keys().find(|name| *name != first).unwrap();
    assert!(of(&id(&first), "kinds_anew_3").starts_with("loaded 3 messages of 1 objects"));
    assert!(of(&id(&second), "kinds_anew_4").starts_with("loaded 4 messages of 1 objects"));
    assert_eq!(world.column("SELECT id::text FROM kinds_anew.t ORDER BY id"), ["1", "2", "3", "4", "5"]);
    let letters = "SELECT count(*)::text FROM loader.dead_letters WHERE job LIKE 'kinds_anew%'";
    assert_eq!(world.column(letters), ["2"]);
}
