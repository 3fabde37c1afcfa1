//! Topics that are not what they were: made again, trimmed, compacted, or with transactions that were aborted.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use tally_testkit::{environment, wait_until, Loader, Scene, STUCK};

/// The coordinates of all messages that a reader of committed messages sees.
fn readable(scene: &Scene) -> BTreeSet<(i32, i64)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &scene.brokers)
        .set("group.id", "faults")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    let metadata = consumer.fetch_metadata(Some(&scene.name), STUCK).unwrap();
    let partitions = metadata.topics()[0].partitions().len();
    for partition in 0..partitions {
        list.add_partition_offset(&scene.name, partition as i32, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut found, mut ended) = (BTreeSet::new(), BTreeSet::new());
    while ended.len() < partitions {
        match consumer.poll(STUCK).unwrap() {
            Ok(message) => _ = found.insert((message.partition(), message.offset())),
            Err(KafkaError::PartitionEOF(partition)) => _ = ended.insert(partition),
            Err(error) => panic!("{error}"),
        }
    }
    found
}

/// The coordinates of all rows; asserts that none comes twice and each partition's are in order.
fn stored(scene: &mut Scene) -> BTreeSet<(i32, i64)> {
    let wrong = "SELECT count(*) FROM (
        SELECT kafka_offset, lag(kafka_offset) OVER (PARTITION BY kafka_partition ORDER BY arrival) AS before
        FROM trades) AS ordered WHERE kafka_offset <= before";
    assert_eq!(scene.number(wrong), 0, "rows twice or out of order");
    let rows = scene.query("SELECT kafka_partition, kafka_offset FROM trades", &[]);
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Waits until each readable message is a row, and stops the loader.
fn finish(scene: &mut Scene, loader: Loader) {
    let expected = readable(scene);
    wait_until(|| scene.number("SELECT count(*) FROM trades") >= expected.len() as i64);
    assert!(loader.terminate().success());
    assert_eq!(stored(scene), expected);
    let beyond = "SELECT count(*) FROM trades JOIN loader.offsets ON kafka_partition = partition
        WHERE job = 'trades' AND kafka_offset >= next_offset";
    assert_eq!(scene.number(beyond), 0, "rows beyond the position");
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn aborted_transactions() {
    let mut scene = Scene::new("aborted");
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &scene.brokers)
        .set("transactional.id", &scene.name)
        .create()
        .unwrap();
    producer.init_transactions(STUCK).unwrap();
    let mut loader = scene.load();
    for transaction in 0..20 {
        producer.begin_transaction().unwrap();
        for i in 0..200 {
            let (key, value) = (format!("k{i}"), format!(r#"{{"key":"k{i}","n":{transaction}}}"#));
            producer.send(BaseRecord::to(&scene.name).key(&key).payload(&value)).unwrap();
        }
        producer.flush(STUCK).unwrap();
        if transaction % 3 == 1 {
            producer.abort_transaction(STUCK).unwrap();
        } else {
            producer.commit_transaction(STUCK).unwrap();
        }
    }
    loader.assert_runs();
    finish(&mut scene, loader);
    assert_eq!(scene.number("SELECT count(*) FROM trades WHERE n % 3 = 1"), 0, "of aborted transactions");
    assert_eq!(scene.number("SELECT count(*) FROM trades"), 13 * 200);
    // What ends in a marker is the end for --until-end too.
    assert!(scene.load_with(&["--until-end"]).wait().success());
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn deleted_and_made_anew() {
    let mut scene = Scene::new("made_anew");
    scene.produce(2_000);
    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    scene.delete_topic();
    let complaint = scene.complaint(loader);
    assert!(complaint.contains("delete"), "{complaint}");
    scene.create_topic(&[]);
    scene.produce_good("k1", b"{\"key\":\"k1\",\"n\":1}");
    let complaint = scene.complaint(scene.load());
    assert!(complaint.contains("the topic was recreated"), "{complaint}");
    assert_eq!(stored(&mut scene).len(), 2_000);
}

/// Removes each partition's messages before an offset, as retention does.
fn trim(scene: &Scene, before: i64) {
    let mut list = TopicPartitionList::new();
    for partition in 0..4 {
        list.add_partition_offset(&scene.name, partition, Offset::Offset(before)).unwrap();
    }
    scene.delete_records(&list);
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn retention_passed_the_position() {
    let mut scene = Scene::new("retention");
    scene.produce(2_000);
    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    assert!(loader.terminate().success());
    scene.produce(8_000);
    trim(&scene, 1_200);
    let complaint = scene.complaint(scene.load());
    assert!(complaint.contains("retention removed"), "{complaint}");
    assert_eq!(stored(&mut scene).len(), 2_000);
    // By hand, as the complaint says.
    scene.execute("UPDATE loader.offsets SET next_offset = 1200 WHERE job = 'trades'");
    let before = stored(&mut scene);
    let mut loader = scene.load();
    let expected: BTreeSet<_> = readable(&scene).union(&before).copied().collect();
    scene.wait_for(scene.end(), &mut loader);
    assert!(loader.terminate().success());
    assert_eq!(stored(&mut scene), expected);
}

mod long {
    use super::*;

    /// Retention passes the position of a loader that waits for PostgreSQL.
    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn retention_passed_a_waiting_loader() {
        let mut scene = Scene::new("retention_live");
        // So little is fetched ahead that there is something to miss.
        scene.settings =
            "writers = 1\nbatch = { rows = 100 }\nkafka = { \"queued.max.messages.kbytes\" = 1, \
            \"fetch.message.max.bytes\" = 20000 }"
                .into();
        scene.produce(1_000);
        let mut loader = scene.load();
        scene.wait_for_all(&mut loader);
        scene.execute("BEGIN; LOCK TABLE trades");
        scene.produce(40_000);
        std::thread::sleep(Duration::from_secs(2));
        trim(&scene, 8_000);
        scene.execute("COMMIT");
        let complaint = scene.complaint(loader);
        assert!(complaint.contains("retention"), "{complaint}");
        let rows = stored(&mut scene);
        let positions =
            scene.query("SELECT partition, next_offset FROM loader.offsets WHERE job = 'trades'", &[]);
        let expected = positions.iter().flat_map(|row| {
            let (partition, next): (i32, i64) = (row.get(0), row.get(1));
            (0..next).map(move |offset| (partition, offset))
        });
        assert_eq!(rows, expected.collect(), "what was read before is stored, without a gap");
    }

    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn compacted() {
        let properties = [
            ("cleanup.policy", "compact"),
            ("segment.ms", "200"),
            ("min.cleanable.dirty.ratio", "0.01"),
            ("max.compaction.lag.ms", "200"),
        ];
        let mut scene = Scene::with_table("compacted", &environment("KAFKA_BROKERS"), &properties);
        scene.produce(5_000);
        // The next messages close the segments of the last ones, and only closed segments are compacted.
        wait_until(|| {
            std::thread::sleep(Duration::from_secs(1));
            scene.produce(20);
            (readable(&scene).len() as i64) < scene.end() / 2
        });
        let loader = scene.load();
        finish(&mut scene, loader);
    }
}
