//! Partitions that are added to a topic while it is loaded.

use std::collections::HashSet;
use std::sync::mpsc::Sender;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_program::Stop;
use tally_rows::config::Config;

use crate::kafka::{self, JobConsumer, Partition};

const STEP: Duration = Duration::from_millis(100);

/// Looks for new partitions now and then, and spreads them over the lanes; for runs without a consumer group.
pub struct Discovery {
    /// The configuration.
    pub config: Arc<Config>,
    /// A client for metadata.
    pub metadata_client: JobConsumer,
    /// The partitions known so far, whether this loader reads them or not.
    pub known: HashSet<(String, i32)>,
    /// Channels to the lanes.
    pub lanes: Vec<Sender<Partition>>,
    /// The request to stop.
    pub stop: Stop,
}

impl Discovery {
    /// Looks for partitions until told to stop.
    pub fn run(mut self) {
        let every = kafka::refresh_interval(&self.config);
        let mut looked = Instant::now();
        while !self.stop.is_requested() {
            std::thread::sleep(STEP);
            // Events of the client would pile up otherwise.
            while self.metadata_client.poll(Duration::ZERO).is_some() {}
            if looked.elapsed() >= every {
                self.look();
                looked = Instant::now();
            }
        }
    }

    fn look(&mut self) {
        let config = self.config.clone();
        for topic in &config.topics {
            // A broker that does not answer is asked again later.
            let Ok(numbers) = kafka::numbers(&self.metadata_client, &topic.name) else { continue };
            for number in numbers {
                let key = (topic.name.clone(), number);
                if self.known.contains(&key) {
                    continue;
                }
                let Ok(partition) = kafka::partition(&self.metadata_client, topic, number) else { continue };
                self.known.insert(key);
                if config.owns(topic, number) {
                    let lane = number as usize % self.lanes.len();
                    let _ = self.lanes[lane].send(partition); // fails only if the lane has ended
                }
            }
        }
    }
}
