//! The broker goes away, restarts, or does not answer.

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use tally_testkit::{Scene, Server};

/// A job of which the first messages are loaded, to be told what happens to the broker.
fn scene(name: &str) -> (Scene, tally_testkit::Loader) {
    let mut scene = Scene::new(name);
    scene.writers(2);
    scene.produce(60_000);
    let mut loader = scene.load();
    scene.wait_for(5_000, &mut loader);
    (scene, loader)
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn kill() {
    let (mut scene, loader) = scene("broker_kill");
    Server::kafka().kill();
    thread::sleep(Duration::from_secs(3));
    Server::kafka().start();
    scene.produce(1_000);
    scene.finish(loader);
}

mod long {
    use super::*;

    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn restart() {
        let (mut scene, loader) = scene("broker_restart");
        Server::kafka().end(Signal::SIGTERM);
        Server::kafka().start();
        scene.produce(1_000);
        scene.finish(loader);
    }

    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn gone_for_two_minutes() {
        let (mut scene, loader) = scene("broker_gone");
        Server::kafka().kill();
        thread::sleep(Duration::from_secs(120));
        println!("broker_gone: {:.2} s of processor time", loader.processor_time().as_secs_f64());
        assert!(loader.processor_time() < Duration::from_secs(10), "it spins");
        Server::kafka().start();
        scene.produce(1_000);
        scene.finish(loader);
    }

    /// Longer than librdkafka waits for an answer: it drops the connection and asks again.
    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn silent_for_ninety_seconds() {
        let (mut scene, loader) = scene("broker_silent");
        Server::kafka().signal(Signal::SIGSTOP);
        thread::sleep(Duration::from_secs(90));
        println!("broker_silent: {} MiB at most", loader.peak_memory());
        Server::kafka().signal(Signal::SIGCONT);
        scene.produce(1_000);
        scene.finish(loader);
    }
}
