//! The newest events of a topic, in bounded memory: readers who come in time find all of them, and those who are late
//! find out what they have missed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::event::Event;

/// The next offset of each partition.
pub type Positions = BTreeMap<i32, i64>;

/// Offsets between positions: partition, the first and the last one.
pub type Gaps = Vec<(i32, i64, i64)>;

/// The newest events.
pub struct Recent {
    kept: Mutex<Kept>,
    most_bytes: usize,
    /// The number of events so far; none once no more come.
    count: watch::Sender<Option<u64>>,
}

struct Kept {
    events: VecDeque<Arc<Event>>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    /// For each partition, the offset from which on all events are kept.
    starts: Positions,
    /// For each partition, the offset that comes next.
    nexts: Positions,
}

/// Events taken from a place.
pub enum Taken {
    /// Events; the place after them.
    Events(Vec<Arc<Event>>, u64),
    /// The place is no longer kept.
    Late {
        /// The number of events that are gone.
        missed: u64,
        /// The first place that is kept.
        place: u64,
        /// For each partition, the offset from which on all events are kept.
        starts: Positions,
    },
}

impl Recent {
    /// Creates an empty memory of this size; the first events will be those at these offsets.
    pub fn new(most_bytes: usize, starts: Positions) -> Self {
        let nexts = starts.clone();
        let kept = Kept { events: VecDeque::new(), first: 0, bytes: 0, starts, nexts };
        Self { kept: Mutex::new(kept), most_bytes, count: watch::Sender::new(Some(0)) }
    }

    /// Adds an event, and forgets the oldest ones where there is no room.
    pub fn push(&self, event: Event) {
        let mut kept = self.kept();
        kept.nexts.insert(event.partition, event.offset + 1);
        kept.bytes += event.bytes();
        kept.events.push_back(Arc::new(event));
        while kept.bytes > self.most_bytes && kept.events.len() > 1 {
            let Some(oldest) = kept.events.pop_front() else { break };
            kept.first += 1;
            kept.bytes -= oldest.bytes();
            kept.starts.insert(oldest.partition, oldest.offset + 1);
        }
        let count = kept.first + kept.events.len() as u64;
        drop(kept);
        self.count.send_replace(Some(count));
    }

    /// Notes that a partition is read on from an offset, before which the messages are gone or of no interest.
    pub fn pass(&self, partition: i32, next: i64) {
        let mut kept = self.kept();
        kept.starts.entry(partition).or_insert(next);
        kept.nexts.insert(partition, next);
    }

    /// Ends the events: no more will come.
    pub fn end(&self) {
        self.count.send_replace(None);
    }

    /// Returns the next offset of each partition.
    pub fn nexts(&self) -> Positions {
        self.kept().nexts.clone()
    }

    /// Returns the place from which on all events after these positions are kept, if they are. A partition without a
    /// position was added since, and nothing of it is old.
    pub fn place_of(&self, positions: &Positions) -> Option<u64> {
        let kept = self.kept();
        let reaches =
            |(partition, start): (&i32, &i64)| positions.get(partition).is_none_or(|next| next >= start);
        kept.starts.iter().all(reaches).then_some(kept.first)
    }

    /// Returns events from a place on, up to about this size.
    pub fn take(&self, place: u64, most_bytes: usize) -> Taken {
        let kept = self.kept();
        let Some(skip) = place.checked_sub(kept.first) else {
            let (first, starts) = (kept.first, kept.starts.clone());
            return Taken::Late { missed: first - place, place: first, starts };
        };
        let (mut taken, mut bytes) = (Vec::new(), 0);
        for event in kept.events.range((skip as usize).min(kept.events.len())..) {
            bytes += event.bytes();
            taken.push(event.clone());
            if bytes >= most_bytes {
                break;
            }
        }
        let place = place + taken.len() as u64;
        Taken::Events(taken, place)
    }

    /// A look at the number of events so far.
    pub fn watch(&self) -> watch::Receiver<Option<u64>> {
        self.count.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the offsets that lie between positions.
pub fn between(from: &Positions, to: &Positions) -> Gaps {
    let gap = |(partition, to): (&i32, &i64)| {
        let from = *from.get(partition)?;
        (from < *to).then_some((*partition, from, to - 1))
    };
    to.iter().filter_map(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::super::event::Content;
    use super::*;

    fn gap(partition: i32, offset: i64) -> Event {
        Event { partition, offset, content: Content::Gap(offset) }
    }

    fn offsets(found: Taken) -> (Vec<(i32, i64)>, u64) {
        match found {
            Taken::Events(events, place) => {
                (events.iter().map(|event| (event.partition, event.offset)).collect(), place)
            }
            Taken::Late { missed, place, .. } => (vec![(-1, missed as i64)], place),
        }
    }

    #[test]
    fn the_newest_are_kept_and_the_late_are_told() {
        let each = gap(0, 0).bytes();
        let recent = Recent::new(3 * each, Positions::from([(0, 10), (1, 7)]));
        let seen = recent.watch();
        for offset in 10..14 {
            recent.push(gap(0, offset));
        }
        recent.push(gap(1, 7));
        assert_eq!(*seen.borrow(), Some(5));
        assert_eq!(offsets(recent.take(2, usize::MAX)), (vec![(0, 12), (0, 13), (1, 7)], 5));
        assert_eq!(offsets(recent.take(2, 1)), (vec![(0, 12)], 3));
        assert_eq!(offsets(recent.take(5, 1)), (vec![], 5));
        assert_eq!(offsets(recent.take(0, 1)), (vec![(-1, 2)], 2));
        let nexts = Positions::from([(0, 14), (1, 8)]);
        assert_eq!(recent.nexts(), nexts);
        assert_eq!(recent.place_of(&nexts), Some(2));
        assert_eq!(recent.place_of(&Positions::from([(0, 12), (1, 7)])), Some(2));
        assert_eq!(recent.place_of(&Positions::from([(0, 11), (1, 7)])), None);
        assert_eq!(recent.place_of(&Positions::from([(0, 12)])), Some(2));
        assert_eq!(between(&Positions::from([(0, 11), (1, 8)]), &nexts), [(0, 11, 13)]);
    }
}
