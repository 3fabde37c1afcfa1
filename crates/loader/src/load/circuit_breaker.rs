//! A circuit breaker: stops reading a topic when none of its messages can be stored any more.
//!
//! Somebody has then changed the producers, the table or the configuration, and millions of dead letters would help
//! nobody. What was read is in `loader.dead_letters`, the rest stays in Kafka, and the other topics go on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tally_postgres::Failure;
use tally_rows::config::Config;

use crate::observe::{self, Stored};

/// The topics of a run that are still read; shared by its lanes.
#[derive(Debug, Clone)]
pub struct CircuitBreaker(Arc<Mutex<Vec<TopicBreaker>>>);

#[derive(Debug, Clone, Copy, Default)]
struct TopicBreaker {
    /// Dead letters since the last message that was stored.
    dead: u64,
    open: bool,
}

impl CircuitBreaker {
    /// A circuit breaker that is closed for this many topics: all of them are read.
    pub fn new(topics: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![TopicBreaker::default(); topics])))
    }

    /// Notes what became of a batch.
    pub fn note(&self, config: &Config, stored: &Stored) {
        for (state, topic) in self.states().iter_mut().zip(&config.topics) {
            let messages = stored.messages.get(&topic.name).copied().unwrap_or(0);
            let of_topic = stored.dead_letters.iter().filter(|((name, _), _)| *name == topic.name);
            let dead: u64 = of_topic.map(|(_, count)| count).sum();
            state.dead = if dead < messages { 0 } else { state.dead + dead };
            let most = topic.max_dead_letters_in_a_row;
            if !state.open && most > 0 && state.dead >= most {
                state.open = true;
                tracing::error!(topic = topic.name, dead_letters = state.dead, "the topic is stopped");
                observe::topic_stopped(&topic.name);
            }
        }
    }

    /// Whether a topic is not read any more.
    pub fn is_open(&self, topic: usize) -> bool {
        self.states()[topic].open
    }

    /// Whether no topic is read any more.
    pub fn is_all_open(&self) -> bool {
        self.states().iter().all(|state| state.open)
    }

    /// The failure for the topics that are not read any more, if there are any.
    pub fn failure(&self, config: &Config) -> Option<Failure> {
        let states = self.states();
        let open = states.iter().zip(&config.topics).filter(|(state, _)| state.open);
        let (dead, names): (Vec<u64>, Vec<&str>) =
            open.map(|(state, topic)| (state.dead, topic.name.as_str())).unzip();
        let dead = dead.iter().min()?;
        let what = format!("stopped after {dead} or more dead letters in a row");
        Some(Failure::new(what).at(format!("topic {}", names.join(", "))).mend(
            "see loader.dead_letters for the reasons; correct the producers, the table or the configuration and start \
             again, or raise `max_dead_letters_in_a_row`",
        ))
    }

    fn states(&self) -> MutexGuard<'_, Vec<TopicBreaker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_for_a_topic_when_nothing_else_comes_of_it() {
        let text = "job='j'\ndatabase='d'\nbrokers='b'\n[[topic]]\nname='a'\nmax_dead_letters_in_a_row=10\n[[topic]]\nname='b'";
        let config = Config::parse("t.toml", text).unwrap();
        let breaker = CircuitBreaker::new(2);
        let note = |topic: &str, messages: u64, dead: u64| {
            let mut stored = Stored::default();
            stored.messages.insert(topic.into(), messages);
            stored.dead_letters.insert((topic.into(), "decode"), dead);
            breaker.note(&config, &stored);
        };
        note("a", 9, 9);
        note("b", 5, 5);
        note("a", 9, 8);
        note("a", 9, 9);
        assert!(!breaker.is_open(0) && breaker.failure(&config).is_none());
        note("a", 1, 1);
        assert!(breaker.is_open(0) && !breaker.is_open(1) && !breaker.is_all_open());
        assert!(breaker
            .failure(&config)
            .unwrap()
            .to_string()
            .starts_with("topic a: stopped after 10 or more"));
        note("b", 9_995, 9_995);
        assert!(breaker.is_all_open());
    }
}
