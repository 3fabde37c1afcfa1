//! Tools that the tests beside PostgreSQL share: jobs to load, servers to break, texts to read, and what must hold
//! whatever happens.
//!
//! - [`World`]: a broker inside the test, for topics of a few messages.
//! - [`Topic`]: a topic on a real Kafka, for what the broker inside cannot do.
//! - [`TopicArchive`]: an archive of a topic.
//! - [`Files`]: a directory of files; [`HttpProxy`] stands in front of a store of objects.
//! - [`Job`]: thousands of simulated trades on a real Kafka, loaded by one or several loaders that come and go.
//! - [`Scene`]: numbered messages on a real Kafka, with a [`Proxy`] in front of PostgreSQL and [`Server`]s to break.
//! - [`random`]: texts of values, and [`define_reading`]: what PostgreSQL makes of them.

mod address;
mod files;
mod http_proxy;
mod invariant;
mod job;
mod kafka;
mod loader;
mod program;
mod proxy;
pub mod random;
mod reading;
mod scene;
mod server;
mod topic;
mod topic_archive;
mod world;

use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

pub use address::{free_address, read_request};
pub use files::Files;
pub use http_proxy::{serve_files, HttpFault, HttpProxy};
pub use job::{Job, Workload};
pub use loader::Loader;
pub use program::{complaint, program, start, start_in, tally, terminate};
pub use proxy::{Hold, Message, Proxy};
pub use reading::define_reading;
pub use scene::Scene;
pub use server::Server;
pub use topic::Topic;
pub use topic_archive::{bad, good, TopicArchive};
pub use world::World;

/// Longer than any restart or pause takes: tests wait for progress, never for a time.
pub const STUCK: Duration = Duration::from_secs(120);

/// An environment variable that the scripts of the suites set.
pub fn environment(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set; scripts/test.py runs the suites with all they need"))
}

/// The database of the tests.
pub fn database_url() -> String {
    environment("DATABASE_URL")
}

/// A new connection to the database.
pub fn connect() -> Client {
    Client::connect(&database_url(), NoTls).expect("DATABASE_URL names a running PostgreSQL")
}

/// Waits until a condition holds.
#[track_caller]
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + STUCK;
    while !condition() {
        assert!(Instant::now() < until, "the condition never came true");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `progress` reaches `wanted`; fails when it stands still.
fn wait_for(wanted: i64, mut progress: impl FnMut() -> i64, log: impl Fn() -> String) {
    let (mut before, mut since) = (progress(), Instant::now());
    while before < wanted {
        let now = progress();
        if now > before {
            (before, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < STUCK, "stuck at {now} of {wanted}; the log:\n{}", log());
        std::thread::sleep(Duration::from_millis(2));
    }
}
