//! PostgreSQL is killed between the steps of an archive of a topic: every message is archived, once.

use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::ClientConfig;
use tally_testkit::{
    bad, connect, database_url, good, Hold, Message, Proxy, Server, TopicArchive, World, STUCK,
};

/// 2026-01-01T00:00:00Z, in milliseconds since 1970.
const NEW_YEAR: i64 = 1_767_225_600_000;
/// Number of messages of a round, in three hours.
const ROUND: i64 = 30;

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn postgres_killed_between_the_steps_of_an_archive() {
    const POSITION: &str = "INSERT INTO loader.archive_positions";
    const PLAN: &str = "INSERT INTO loader.archive_messages";
    const COUNT: &str = "UPDATE loader.archive_messages SET state";
    const MOVE: &str = "UPDATE loader.archive_positions SET next_offset";
    let mut world = World::new("archive_killed");
    let url = database_url();
    let (_, address) = url.rsplit_once('@').unwrap();
    let (address, _) = address.split_once('/').unwrap();
    let proxy = Proxy::to(address.parse().unwrap());
    let config = world.config("").replace(address, &format!("127.0.0.1:{}", proxy.port));
    let archive = TopicArchive::new(&config, world.name);
    let producer: rdkafka::producer::BaseProducer =
        ClientConfig::new().set("bootstrap.servers", world.cluster.bootstrap_servers()).create().unwrap();
    let mut all = 0;
    let more = |all: &mut i64| {
        for n in *all..*all + ROUND {
            let value = format!("{{\"n\":{n}}}");
            let record =
                BaseRecord::<[u8], [u8]>::to("archive_killed").timestamp(NEW_YEAR + n % 3 * 3_600_000);
            producer.send(record.payload(value.as_bytes())).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(STUCK).unwrap();
        *all += ROUND;
    };
    let message = |text| Hold::Message(Message::Statement(text));
    // The first transaction of a run is that of the ledger's tables, the second one counts a chunk.
    for (hold, skip) in [
        (message(POSITION), 0),
        (message(PLAN), 0),
        (message("START TRANSACTION"), 1),
        (message(COUNT), 0),
        (message(MOVE), 0),
        (message("COMMIT"), 1),
        (Hold::Answer(Message::Statement("COMMIT")), 1),
    ] {
        more(&mut all);
        proxy.trap(hold, skip);
        let child = archive.command(archive.place(), &[]).spawn().unwrap();
        proxy.wait();
        let server = Server::postgres();
        server.kill();
        proxy.cut();
        let said = bad(child.wait_with_output().unwrap());
        assert_eq!(said.lines().count(), 1, "{hold:?}: {said}");
        server.start();
        // A chunk that was planned keeps its range, whatever the topic has by now.
        more(&mut all);
        good(archive.command(archive.place(), &[]).output().unwrap());
        let lines = archive.lines();
        assert!(lines.keys().map(|(_, offset)| *offset).eq(0..all), "{hold:?}: {} of {all}", lines.len());
        world.database = connect();
        let ledger = "SELECT concat_ws(' ', (SELECT next_offset FROM loader.archive_positions WHERE job = 'archive_killed'),
                                            sum(messages), count(*) FILTER (WHERE state = 'planned'))
                      FROM loader.archive_messages WHERE job = 'archive_killed'";
        assert_eq!(world.column(ledger), [format!("{all} {all} 0")], "{hold:?}");
    }
    assert!(good(archive.look("verify")).contains(&format!("{all} messages")));
}
