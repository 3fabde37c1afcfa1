//! The latest watermarks of the partitions, as far as this process knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The latest known ends of partitions, shared by the readers and the reports.
#[derive(Debug, Clone, Default)]
pub struct Watermarks(Arc<Mutex<HashMap<String, Vec<Reach>>>>);

/// The known offsets of a partition.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    high: Option<i64>,
    /// The offset at which the reader met the end of the partition, behind offsets without messages.
    exhausted: Option<i64>,
}

impl Watermarks {
    /// The high watermark of a partition.
    pub fn high(&self, topic: &str, partition: i32) -> Option<i64> {
        self.get(topic, partition).high
    }

    /// The end of a partition at which its reader found nothing more.
    pub fn exhausted(&self, topic: &str, partition: i32) -> Option<i64> {
        self.get(topic, partition).exhausted
    }

    /// The sum of the high watermarks.
    pub fn total(&self) -> i64 {
        self.lock().values().flatten().filter_map(|reach| reach.high).sum()
    }

    /// Notes a high watermark.
    pub fn note_high(&self, topic: &str, partition: i32, high: i64) {
        self.change(topic, partition, |reach| reach.high = Some(high));
    }

    /// Notes that there is nothing more before this offset.
    pub fn note_exhausted(&self, topic: &str, partition: i32, end: i64) {
        self.change(topic, partition, |reach| reach.exhausted = Some(end));
    }

    fn get(&self, topic: &str, partition: i32) -> Reach {
        let at = partition as usize; // Kafka counts partitions from 0
        self.lock().get(topic).and_then(|partitions| partitions.get(at)).copied().unwrap_or_default()
    }

    fn change(&self, topic: &str, partition: i32, change: impl FnOnce(&mut Reach)) {
        let mut topics = self.lock();
        if !topics.contains_key(topic) {
            topics.insert(topic.to_string(), Vec::new());
        }
        let partitions = topics.get_mut(topic).expect("it was just inserted");
        let at = partition as usize;
        if partitions.len() <= at {
            partitions.resize(at + 1, Reach::default());
        }
        change(&mut partitions[at]);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Reach>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
