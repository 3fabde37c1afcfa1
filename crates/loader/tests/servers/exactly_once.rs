//! The loader is killed again and again, and still every message is stored exactly once and in order.

use std::time::Duration;

use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tally_testkit::{Job, Workload};

/// Small batches, so that kills land inside transactions and between them.
const WORKLOAD: Workload = Workload { messages: 300_000, partitions: 8, malformed: 0.002, batch_rows: 500 };
/// Kills while the loader connects, creates its tables and claims its partitions.
const EARLY_KILLS: u32 = 4;
/// Kills in the middle of the stream.
const KILLS: i64 = 12;

#[test]
#[ignore = "needs a real Kafka and PostgreSQL, in KAFKA_BROKERS and DATABASE_URL"]
fn killed_loaders_store_every_message_exactly_once() {
    let seed = std::env::var("TALLY_TEST_SEED")
        .map_or_else(|_| u64::from(std::process::id()), |x| x.parse().unwrap());
    println!("TALLY_TEST_SEED={seed}");
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut up_to = |most: u64| random.next_u64() % (most + 1);
    let mut job = Job::new("exactly_once", seed, &WORKLOAD);

    for _ in 0..EARLY_KILLS {
        let loader = job.start_loader();
        std::thread::sleep(Duration::from_millis(up_to(200)));
        loader.kill();
        job.assert_invariant();
    }
    for n in 1..=KILLS {
        let mut loader = job.start_loader();
        let before = job.progress();
        // Half of an equal share of what is left, on average: a slow look at the progress leaves enough for the next
        // kills.
        let share = (WORKLOAD.messages - before) / (KILLS - n + 2);
        job.wait_for(before + 1 + up_to(share as u64) as i64, &mut loader);
        std::thread::sleep(Duration::from_micros(up_to(20_000)));
        loader.kill();
        let now = job.progress();
        println!("kill {n}: from {before} to {now} messages");
        assert!(before < now && now < WORKLOAD.messages, "a kill comes in the middle of the stream");
        job.assert_invariant();
    }
    let mut loader = job.start_loader();
    job.wait_for(WORKLOAD.messages, &mut loader);
    assert!(loader.terminate().success());

    job.assert_complete(WORKLOAD.messages);
    let sql = format!("SELECT count(*), max(arrival) FROM {}", job.name);
    let row = job.database.query_one(&sql, &[]).unwrap();
    let (rows, inserts): (i64, i64) = (row.get(0), row.get(1));
    println!("{rows} rows; {} inserted and rolled back", inserts - rows);
    assert!(inserts > rows, "no kill came inside a transaction");
}
