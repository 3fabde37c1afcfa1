//! Notices a partition that makes no progress although the broker has more messages: librdkafka sometimes forgets one
//! when brokers come and go.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Remembers since when each partition has made no progress.
pub struct Watchdog {
    patience: Duration,
    still: HashMap<(usize, i32), (i64, Instant)>,
}

impl Watchdog {
    /// A watchdog with this much patience, or none if that is zero.
    pub fn new(patience: Duration) -> Option<Self> {
        (!patience.is_zero()).then(|| Self { patience, still: HashMap::new() })
    }

    /// Forgets what was noticed, because the reader was not reading.
    pub fn reset(&mut self) {
        self.still.clear();
    }

    /// Returns a partition that has made no progress for too long although the broker has more of it.
    ///
    /// `next` are the offsets to be read next; `end` asks the broker for the end of a partition, and returns none if
    /// there is nothing more to read. Only one partition is asked for in a call, since that may take a while.
    pub fn check(
        &mut self,
        now: Instant,
        next: impl Iterator<Item = ((usize, i32), i64)>,
        end: impl FnOnce(usize, i32) -> Option<i64>,
    ) -> Option<(usize, i32)> {
        let mut suspect = None;
        for (partition, next) in next {
            let (offset, since) = self.still.entry(partition).or_insert((next, now));
            if *offset != next {
                (*offset, *since) = (next, now);
            } else if now.duration_since(*since) >= self.patience {
                suspect = Some((partition, next));
            }
        }
        let ((topic, number), next) = suspect?;
        self.still.remove(&(topic, number));
        (end(topic, number)? > next).then_some((topic, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barks_only_where_there_is_more() {
        let patience = Duration::from_secs(60);
        let mut watchdog = Watchdog::new(patience).unwrap();
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let still = || [((0, 1), 5)].into_iter();
        assert_eq!(watchdog.check(at(0), still(), |_, _| panic!("nothing stands still yet")), None);
        assert_eq!(watchdog.check(at(59), still(), |_, _| panic!("not for long enough")), None);
        assert_eq!(watchdog.check(at(60), still(), |_, _| Some(5)), None, "everything is read");
        assert_eq!(watchdog.check(at(61), still(), |_, _| panic!("it was just looked at")), None);
        assert_eq!(watchdog.check(at(130), [((0, 1), 6)].into_iter(), |_, _| panic!("it moved")), None);
        assert_eq!(watchdog.check(at(190), [((0, 1), 6)].into_iter(), |_, _| Some(7)), Some((0, 1)));
        watchdog.reset();
        assert!(Watchdog::new(Duration::ZERO).is_none());
    }
}
