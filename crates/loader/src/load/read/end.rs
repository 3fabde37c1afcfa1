//! The offsets at which a bounded run ends.

use std::collections::HashMap;

use crate::load::assignment::AssignedPartition;

/// The partitions that have not reached their end yet.
#[derive(Debug, Clone)]
pub struct EndOffsets {
    /// The ends, by topic and number of the partition.
    ends: HashMap<(usize, i32), i64>,
    is_exact: bool,
}

impl EndOffsets {
    /// The ends that the partitions had when they were claimed. A run reads at least up to there.
    pub fn at_high_watermarks(partitions: &[AssignedPartition]) -> Self {
        Self::new(partitions, |p| p.high, false)
    }

    /// The ends that the function returns. A run reads nothing behind them.
    pub fn exactly(partitions: &[AssignedPartition], end: impl Fn(&AssignedPartition) -> i64) -> Self {
        Self::new(partitions, end, true)
    }

    fn new(
        partitions: &[AssignedPartition],
        end: impl Fn(&AssignedPartition) -> i64,
        is_exact: bool,
    ) -> Self {
        Self { ends: partitions.iter().map(|p| ((p.topic, p.number), end(p))).collect(), is_exact }
    }

    /// Returns the ends of these partitions alone.
    pub fn of(&self, partitions: &[AssignedPartition]) -> Self {
        Self::new(partitions, |p| self.ends[&(p.topic, p.number)], self.is_exact)
    }

    /// Whether nothing is to be read behind the ends.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Whether a message must not be read.
    pub fn excludes(&self, topic: usize, number: i32, offset: i64) -> bool {
        self.is_exact && self.ends.get(&(topic, number)).is_none_or(|end| offset >= *end)
    }

    /// Whether all partitions have reached their ends, by the offset that comes next or because nothing more was found
    /// before the end; forgets those that have.
    pub fn reached(
        &mut self,
        next: impl Fn(usize, i32) -> i64,
        exhausted: impl Fn(usize, i32) -> Option<i64>,
    ) -> bool {
        self.ends.retain(|(topic, number), end| {
            let is_read = next(*topic, *number) >= *end;
            !is_read && exhausted(*topic, *number).is_none_or(|offset| offset < *end)
        });
        self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_reached_by_messages_or_by_their_absence() {
        let partition =
            |number| AssignedPartition { topic: 0, number, next: 0, high: 10, epoch: 1, topic_id: None };
        let partitions = [partition(0), partition(1)];
        assert!(!EndOffsets::at_high_watermarks(&partitions).excludes(0, 0, 10));
        let mut end = EndOffsets::exactly(&partitions, |p| p.high);
        assert!(!end.excludes(0, 0, 9) && end.excludes(0, 0, 10) && end.excludes(0, 2, 0));
        assert!(!end.reached(|_, _| 9, |_, _| Some(9)));
        assert!(!end.reached(|_, number| 10 - i64::from(number), |_, _| None));
        assert!(end.excludes(0, 0, 9), "a partition that is done takes no more");
        assert!(end.reached(|_, _| 9, |_, _| Some(10)));
    }
}
