//! Several loaders share one job, come and go, die and come back from the dead; every message is stored exactly once.

use std::time::Duration;

use nix::sys::signal::Signal;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tally_testkit::{wait_until, Job, Loader, Workload};

/// Small batches, so that what happens lands inside transactions and between them.
const WORKLOAD: Workload = Workload { messages: 300_000, partitions: 8, malformed: 0.002, batch_rows: 200 };

/// A group that notices the dead as soon as the broker allows.
const GROUP: &str = "mode = \"subscribe\"
kafka = { \"session.timeout.ms\" = 6000, \"heartbeat.interval.ms\" = 500 }";

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn a_group_survives_the_death_and_the_return_of_its_members() {
    // So small batches that all of this is over before the messages are.
    let mut job = Job::new("group", 7, &Workload { batch_rows: 40, ..WORKLOAD });
    let config = job.variant("group", &format!("writers = 1\n{GROUP}"));
    let mut first = job.start_variant(&config);
    job.wait_for(2_000, &mut first);
    job.assert_invariant();

    let second = job.start_variant(&config);
    wait_until(|| job.owners() == 2);
    job.assert_invariant();
    second.kill();
    job.assert_invariant();

    // The first one is stopped in the middle of whatever it does, and is thought dead.
    first.signal(Signal::SIGSTOP);
    let before = job.progress();
    let mut third = job.start_variant(&config);
    wait_until(|| job.progress() > before && job.owners() == 1);
    job.assert_invariant();
    first.signal(Signal::SIGCONT);
    let now = job.progress();
    job.wait_for(now + 1, &mut third);
    job.assert_invariant();

    // As a zombie it has stored nothing; as a member it gets its share again.
    job.wait_for_group(WORKLOAD.messages);
    assert!(first.terminate().success());
    assert!(third.terminate().success());
    job.assert_complete(WORKLOAD.messages);
    assert_eq!(job.log().matches("tally: ").count(), 0, "{}", job.log());
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn a_storm_of_rebalances_loses_and_repeats_nothing() {
    const EVENTS: usize = 12;
    let seed = std::env::var("TALLY_TEST_SEED")
        .map_or_else(|_| u64::from(std::process::id()), |x| x.parse().unwrap());
    println!("TALLY_TEST_SEED={seed}");
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    // So small batches that the storm is over before the messages are.
    let mut job = Job::new("storm", seed, &Workload { batch_rows: 40, ..WORKLOAD });
    let config = job.variant("storm", &format!("writers = 1\n{GROUP}"));
    let mut loaders: Vec<Loader> = vec![job.start_variant(&config)];
    for event in 0..EVENTS {
        std::thread::sleep(Duration::from_millis(random.next_u64() % 1000));
        if loaders.len() < 2 || (loaders.len() < 4 && random.next_u64() % 2 == 0) {
            loaders.push(job.start_variant(&config));
        } else {
            let victim = (random.next_u64() % loaders.len() as u64) as usize;
            let victim = loaders.swap_remove(victim);
            if random.next_u64() % 2 == 0 {
                victim.kill();
            } else {
                assert!(victim.terminate().success());
            }
        }
        job.assert_invariant();
        println!("event {event}: {} loaders, {} messages", loaders.len(), job.progress());
    }
    job.wait_for_group(WORKLOAD.messages);
    for loader in loaders {
        assert!(loader.terminate().success());
    }
    job.assert_complete(WORKLOAD.messages);
    assert_eq!(job.log().matches("tally: ").count(), 0, "{}", job.log());
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn replicas_share_by_number_and_are_replaced_one_by_one() {
    let mut job = Job::new("replicas", 9, &WORKLOAD);
    let [one, two] = [1, 2].map(|n| job.variant(&n.to_string(), &format!("replica = \"{n} of 2\"")));
    let mut first = job.start_variant(&one);
    job.wait_for(2_000, &mut first);
    let sql = "SELECT bool_and((next_offset > 0) <= (partition % 2 = 0)) FROM loader.offsets WHERE job = $1";
    let only_its_own: bool = job.database.query_one(sql, &[&job.name]).unwrap().get(0);
    assert!(only_its_own, "the first replica reads only even partitions");
    let second = job.start_variant(&two);
    wait_until(|| job.owners() == 2);
    job.assert_invariant();

    let replacement = job.start_variant(&one);
    assert!(!first.wait().success());
    assert!(job.log().contains("moved by someone else"), "{}", job.log());
    job.assert_invariant();
    job.wait_for_group(WORKLOAD.messages);
    assert!(second.terminate().success(), "only the replaced loader was fenced");
    assert!(replacement.terminate().success());
    job.assert_complete(WORKLOAD.messages);
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn a_terminated_loader_stores_what_it_has_and_repeats_nothing() {
    let mut job = Job::new("terminated", 11, &WORKLOAD);
    for n in 1..=8 {
        let mut loader = job.start_loader();
        job.wait_for(WORKLOAD.messages / 10 * n, &mut loader);
        assert!(loader.terminate().success());
        job.assert_invariant();
    }
    let mut loader = job.start_loader();
    job.wait_for(WORKLOAD.messages, &mut loader);
    assert!(loader.terminate().success());
    job.assert_complete(WORKLOAD.messages);
    let sql = format!("SELECT max(arrival) - count(*) FROM {}", job.name);
    let repeated: i64 = job.database.query_one(&sql, &[]).unwrap().get(0);
    assert_eq!(repeated, 0, "no row was sent twice");
}

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn a_slow_database_costs_neither_the_membership_nor_the_memory() {
    let mut job = Job::new("slow", 13, &WORKLOAD);
    let patience = "\"max.poll.interval.ms\" = 12000, \"session.timeout.ms\" = 12000";
    let more = format!(
        // One consumer: others that join late would make the group hand out partitions again.
        "mode = \"subscribe\"\nwriters = 1\nkafka = {{ {patience}, \"group.instance.id\" = \"one\", \"queued.max.messages.kbytes\" = 1024 }}"
    );
    let config = job.variant("slow", &more);
    let mut loader = job.start_variant(&config);
    job.wait_for(2_000, &mut loader);
    let epochs = "SELECT max(epoch) FROM loader.offsets WHERE job = $1";
    assert_eq!(job.database.query_one(epochs, &[&job.name]).unwrap().get::<_, i64>(0), 1);

    let name = job.name.clone();
    let mut lock = job.database.transaction().unwrap();
    lock.batch_execute(&format!("LOCK TABLE {name} IN SHARE MODE")).unwrap();
    // Longer than the group would wait for a consumer that is not polled.
    std::thread::sleep(Duration::from_secs(16));
    let memory = loader.resident_kilobytes();
    lock.rollback().unwrap();
    println!("{memory} kB resident while nothing could be written");
    assert!(memory < 200_000, "{memory} kB");
    let now = job.progress();
    job.wait_for(now + 10_000, &mut loader);
    let epoch: i64 = job.database.query_one(epochs, &[&job.name]).unwrap().get(0);
    assert_eq!(epoch, 1, "the group kept it: {}", job.log());

    // A static member that restarts in time gets its partitions back.
    assert!(loader.terminate().success());
    let mut loader = job.start_variant(&config);
    job.wait_for(WORKLOAD.messages, &mut loader);
    assert!(loader.terminate().success());
    job.assert_complete(WORKLOAD.messages);
}
