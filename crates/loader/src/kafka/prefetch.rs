//! The number of messages that librdkafka may fetch ahead of the reader. Its own bound of their memory counts values
//! alone, so that a topic with large keys or headers would fill any memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// Number of the last messages the mean size of keys and headers is taken over.
const WINDOW: f64 = 256.0;

/// The number of messages that a consumer may fetch ahead; shared by the sessions of a lane, since librdkafka takes it
/// only when a consumer is made.
#[derive(Debug, Clone)]
pub struct Prefetch {
    messages: Arc<AtomicUsize>,
    /// Bytes of keys and headers that may wait.
    memory: usize,
}

/// The mean size of the keys and headers of the last messages, in bytes.
#[derive(Debug, Default)]
pub struct MeanOverhead {
    messages: f64,
    mean: f64,
}

impl Prefetch {
    /// Allows as many messages as librdkafka likes, as long as their keys and headers take no more than this memory.
    pub fn new(memory: usize) -> Self {
        Self { messages: Arc::new(AtomicUsize::new(usize::MAX)), memory }
    }

    /// The limit, if there has to be one.
    pub fn limit(&self) -> Option<usize> {
        let messages = self.messages.load(Ordering::Relaxed);
        (messages < usize::MAX).then_some(messages)
    }

    /// Lowers the limit if this many messages with such keys and headers take too much memory; returns whether they do.
    pub fn lower(&self, waiting: usize, overhead: &MeanOverhead) -> bool {
        let most = (self.memory as f64 / overhead.mean).max(1.0) as usize;
        // A fetch may bring more messages than the limit; only many more are a reason to lower it again.
        waiting / 2 >= most && self.messages.fetch_min(most, Ordering::Relaxed) > most
    }
}

impl MeanOverhead {
    /// Notes the size of a message's key and headers.
    pub fn note(&mut self, bytes: usize) {
        self.messages = (self.messages + 1.0).min(WINDOW);
        self.mean += (bytes as f64 - self.mean) / self.messages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overhead(sizes: impl IntoIterator<Item = usize>) -> MeanOverhead {
        let mut overhead = MeanOverhead::default();
        sizes.into_iter().for_each(|bytes| overhead.note(bytes));
        overhead
    }

    #[test]
    fn without_keys_and_headers_there_is_no_limit() {
        let prefetch = Prefetch::new(1 << 20);
        assert!(!prefetch.lower(100_000, &overhead([])));
        assert!(!prefetch.lower(100_000, &overhead([0; 1000])));
        assert_eq!(prefetch.limit(), None);
    }

    #[test]
    fn large_headers_lower_the_limit_once() {
        let prefetch = Prefetch::new(1 << 20);
        let large = overhead([256 << 10; 10]);
        assert!(!prefetch.lower(7, &large));
        assert!(prefetch.lower(8, &large));
        assert_eq!(prefetch.clone().limit(), Some(4));
        // The next session's first fetch may bring as many.
        assert!(!prefetch.lower(8, &large));
    }

    #[test]
    fn a_message_above_the_memory_is_fetched_alone() {
        let prefetch = Prefetch::new(1 << 20);
        assert!(prefetch.lower(2, &overhead([2 << 20])));
        assert_eq!(prefetch.limit(), Some(1));
    }

    #[test]
    fn the_last_messages_count() {
        let sizes = [1 << 20; 10].into_iter().chain([100; 5000]);
        assert!(overhead(sizes).mean < 101.0);
    }
}
