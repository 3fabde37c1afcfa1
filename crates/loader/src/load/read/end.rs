//! The offsets at which a bounded run ends.

use std::collections::HashMap;

use crate::load::assignment::AssignedPartition;

/// The partitions that have not reached their end yet, by topic and number, with that end.
#[derive(Debug, Clone)]
pub struct EndOffsets(HashMap<(usize, i32), i64>);

impl EndOffsets {
    /// The ends of these partitions, as the function returns them.
    pub fn new(partitions: &[AssignedPartition], end: impl Fn(&AssignedPartition) -> i64) -> Self {
        Self(partitions.iter().map(|p| ((p.topic, p.number), end(p))).collect())
    }

    /// Returns the ends of these partitions alone.
    pub fn of(&self, partitions: &[AssignedPartition]) -> Self {
        Self::new(partitions, |p| self.0[&(p.topic, p.number)])
    }

    /// Whether a message lies at or after the end of its partition.
    pub fn excludes(&self, topic: usize, number: i32, offset: i64) -> bool {
        self.0.get(&(topic, number)).is_none_or(|end| offset >= *end)
    }

    /// Whether all partitions have reached their ends, by the offset that comes next or because nothing more was found
    /// before the end; forgets those that have.
    pub fn reached(
        &mut self,
        next: impl Fn(usize, i32) -> i64,
        exhausted: impl Fn(usize, i32) -> Option<i64>,
    ) -> bool {
        self.0.retain(|(topic, number), end| {
            let is_read = next(*topic, *number) >= *end;
            !is_read && exhausted(*topic, *number).is_none_or(|offset| offset < *end)
        });
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_reached_by_messages_or_by_their_absence() {
        let partition =
            |number| AssignedPartition { topic: 0, number, next: 0, high: 10, epoch: 1, topic_id: None };
        let mut end = EndOffsets::new(&[partition(0), partition(1)], |p| p.high);
        assert!(!end.excludes(0, 0, 9) && end.excludes(0, 0, 10) && end.excludes(0, 2, 0));
        assert!(!end.reached(|_, _| 9, |_, _| Some(9)));
        assert!(!end.reached(|_, number| 10 - i64::from(number), |_, _| None));
        assert!(end.excludes(0, 0, 9), "a partition that is done takes no more");
        assert!(end.reached(|_, _| 9, |_, _| Some(10)));
    }
}
