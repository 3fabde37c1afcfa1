//! Notices topics that are deleted and recreated: they begin again at offset 0, and other messages come to stand at the
//! old positions.

use std::collections::HashMap;

use crate::kafka::{JobConsumer, Question, TopicId};
use crate::load::assignment::AssignedPartition;

/// The ids that topics had when they were claimed, by index, and a request for their current ids.
#[derive(Default)]
pub struct TopicIdentity {
    known: HashMap<usize, TopicId>,
    asked: Option<Question>,
}

impl TopicIdentity {
    /// Notes the topic ids of claimed partitions.
    pub fn note(&mut self, partitions: &[AssignedPartition]) {
        self.known.extend(partitions.iter().filter_map(|p| Some((p.topic, p.topic_id?))));
    }

    /// Looks at the broker's answer if it has come, and asks again; returns a topic that was recreated. Never waits.
    pub fn check<'t>(&mut self, consumer: &JobConsumer, name: impl Fn(usize) -> &'t str) -> Option<&'t str> {
        if self.known.is_empty() {
            return None;
        }
        if let Some(question) = &self.asked {
            let ids = question.answer(std::time::Duration::ZERO)?;
            self.asked = None;
            let is_other =
                |topic: &usize| ids.get(name(*topic)).is_some_and(|found| *found != self.known[topic]);
            if let Some(topic) = self.known.keys().find(|topic| is_other(topic)) {
                return Some(name(*topic));
            }
        }
        self.asked = Some(Question::new(consumer, self.known.keys().map(|topic| name(*topic))));
        None
    }
}
