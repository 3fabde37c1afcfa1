//! A loader that sleeps for a while, and another one that takes its place meanwhile.

use nix::sys::signal::Signal;

use tally_testkit::{Hold, Message, Scene};

/// Pauses a loader where the proxy holds it, starts another, and wakes the first, which must not write any more.
fn replaced_at(name: &str, hold: Hold) {
    let mut scene = Scene::new(name);
    // So long the server lets a transaction wait for its client; the loader itself asks for half a minute.
    scene.database_options = "-c idle_in_transaction_session_timeout=5s".into();
    scene.produce(1_000);
    let mut first = scene.load();
    scene.wait_for_all(&mut first);
    scene.proxy.trap(hold, 0);
    scene.produce(2_000);
    scene.proxy.wait();
    first.signal(Signal::SIGSTOP);
    // What the client sent before it fell asleep arrives, but for a COPY: that may be half sent.
    let half_sent = matches!(hold, Hold::Message(Message::CopyDone));
    if !half_sent {
        scene.proxy.release();
    }

    let mut second = scene.load();
    scene.wait_for_all(&mut second);
    scene.check();
    let rows = scene.number("SELECT max(arrival) FROM trades");
    if half_sent {
        scene.proxy.release();
    }
    first.signal(Signal::SIGCONT);
    let complaint = scene.complaint(first);
    assert!(complaint.contains("moved by someone else"), "{complaint}");
    assert_eq!(scene.number("SELECT max(arrival) FROM trades"), rows, "the first one wrote");
    scene.produce(1_000);
    scene.finish(second);
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn paused_between_transactions() {
    replaced_at("zombie_idle", Hold::Answer(Message::Statement("COMMIT")));
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn paused_before_commit() {
    replaced_at("zombie_transaction", Hold::Answer(Message::CopyDone));
}

mod long {
    use super::*;

    /// The server would wait for ever; the second loader ends the session.
    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn paused_in_the_middle_of_a_copy() {
        replaced_at("zombie_copy", Hold::Message(Message::CopyDone));
    }

    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn paused_at_the_begin_of_a_transaction() {
        replaced_at("zombie_begin", Hold::Message(Message::Statement("START TRANSACTION")));
    }
}
