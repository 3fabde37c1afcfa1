//! The network between the loader and PostgreSQL: cut without a word, and slow.

use std::thread;
use std::time::Duration;

use tally_testkit::{wait_until, Scene};

/// Memory that the loader may hold whatever happens, in MiB.
const MOST_MEMORY: u64 = 200;

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn twelve_milliseconds_away() {
    let mut scene = Scene::new("delay");
    scene.produce(20_000);
    scene.proxy.delay(Duration::from_millis(12));
    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    println!("delay: {} MiB at most", loader.peak_memory());
    assert!(loader.peak_memory() < MOST_MEMORY);
    scene.finish(loader);
}

mod long {
    use super::*;

    /// A firewall in between takes the bytes and lets none through.
    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn swallowed() {
        let mut scene = Scene::new("swallowed");
        scene.produce(200_000);
        let mut loader = scene.load();
        scene.wait_for(5_000, &mut loader);
        scene.proxy.silence();
        wait_until(|| scene.log().contains("the database does not answer"));
        let stored = scene.progress();
        thread::sleep(Duration::from_secs(5));
        assert_eq!(scene.progress(), stored);
        println!("swallowed: {} MiB at most", loader.peak_memory());
        assert!(loader.peak_memory() < MOST_MEMORY);
        scene.proxy.speak();
        scene.finish(loader);
    }
}
