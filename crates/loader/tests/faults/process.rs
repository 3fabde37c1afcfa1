//! kill -9 of the loader at each point of its way, hit for certain by the proxy.

use std::time::Instant;

use tally_testkit::{Hold, Message, Scene};

/// Kills the loader where the proxy holds it in the middle of the stream; whether its transaction was committed.
fn killed_at(name: &str, hold: Hold) -> bool {
    let mut scene = Scene::new(name);
    scene.produce(1_000);
    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    scene.proxy.trap(hold, 0);
    scene.produce(2_000);
    scene.proxy.wait();
    loader.kill();
    scene.proxy.cut();
    let stored = scene.progress();
    scene.check();

    let begin = Instant::now();
    let mut loader = scene.load();
    scene.wait_for(stored + 1, &mut loader);
    println!("{name}: {stored} messages stored, resumed in {:.2} s", begin.elapsed().as_secs_f64());
    scene.finish(loader);
    stored > 1_000
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn after_poll() {
    assert!(!killed_at("after_poll", Hold::Message(Message::Statement("START TRANSACTION"))));
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn in_the_middle_of_copy() {
    assert!(!killed_at("mid_copy", Hold::Message(Message::CopyDone)));
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn after_copy() {
    assert!(!killed_at("after_copy", Hold::Answer(Message::CopyDone)));
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn before_commit() {
    assert!(!killed_at("before_commit", Hold::Message(Message::Statement("COMMIT"))));
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn between_commit_and_its_answer() {
    assert!(killed_at("in_commit", Hold::Answer(Message::Statement("COMMIT"))));
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn in_claim() {
    for (n, hold) in
        [Hold::Answer(Message::Statement("SET epoch")), Hold::Answer(Message::Statement("COMMIT"))]
            .into_iter()
            .enumerate()
    {
        let mut scene = Scene::new(&format!("in_claim_{n}"));
        scene.produce(2_000);
        scene.proxy.trap(hold, 0);
        let loader = scene.load();
        scene.proxy.wait();
        loader.kill();
        scene.proxy.cut();
        scene.check();
        let loader = scene.load();
        scene.finish(loader);
    }
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn in_ddl() {
    let brokers = tally_testkit::environment("KAFKA_BROKERS");
    let mut scene = Scene::without_table("in_ddl", &brokers, &[]);
    scene.produce(2_000);
    scene.proxy.trap(Hold::Answer(Message::Statement("CREATE TABLE \"public\"")), 0);
    let loader = scene.load();
    scene.proxy.wait();
    loader.kill();
    scene.proxy.cut();
    assert_eq!((scene.number("SELECT count(to_regclass('trades'))"), scene.progress()), (0, 0));

    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    assert!(loader.terminate().success());
    let once = "SELECT count(*) FROM (SELECT FROM trades GROUP BY key, n HAVING count(*) = 1) AS once";
    assert_eq!((scene.number("SELECT count(*) FROM trades"), scene.number(once)), (2_000, 2_000));
}
