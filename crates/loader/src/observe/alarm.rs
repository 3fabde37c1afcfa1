//! The problems of a run that people are told of.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tally_notify::{Notifier, Origin, Problem, Readiness};
use tally_postgres::Failure;
use tally_rows::config::NotifyConfig;

use super::state::{Counted, Phase, RunState};

/// Time over which the share of dead letters is taken.
const WINDOW: Duration = Duration::from_secs(600);

/// Fewer messages than this have no share.
const LEAST_MESSAGES: u64 = 100;

/// Watches a run, and tells of its problems.
pub struct Alarm {
    notifier: Notifier,
    readiness: Readiness,
    dead_letters: Share,
    most_dead_letters: f64,
}

impl Alarm {
    pub fn new(config: &NotifyConfig, job: &str) -> Result<Self, Failure> {
        let notifier = Notifier::new(config, Origin { program: "tally load", job: job.into() })?;
        let mut dead_letters = Share::default();
        dead_letters.note(Counted::default(), Instant::now());
        Ok(Self {
            notifier,
            readiness: Readiness::default(),
            dead_letters,
            most_dead_letters: config.dead_letter_share,
        })
    }

    /// Looks at the run; called every second.
    pub fn look(&mut self, state: &RunState, now: Instant) {
        if state.phase != Phase::Loading {
            return;
        }
        for topic in &state.stopped {
            let problem = Problem { name: "topic stopped", subject: topic.clone() };
            self.notifier
                .raise(problem, &format!("topic {topic:?}: all of its messages became dead letters"));
        }
        self.readiness.look(&self.notifier, &state.readiness().reasons, now);
        self.dead_letters.note(state.counted, now);
        let share = self.dead_letters.share();
        if share > self.most_dead_letters {
            let percent = share * 100.0;
            let summary = format!("{percent:.2} % of the messages of ten minutes became dead letters");
            self.notifier.raise(of_run("dead letters"), &summary);
        } else {
            self.notifier.clear(&of_run("dead letters"));
        }
    }

    /// Tells of a failure that has ended the run, and waits some seconds at most until everything is told.
    pub fn ended(self, failure: Option<&Failure>) {
        if let Some(failure) = failure {
            self.notifier.raise(of_run("failed"), &failure.to_string());
        }
        self.notifier.finish();
    }
}

/// A problem that a run has but once.
fn of_run(name: &'static str) -> Problem {
    Problem { name, subject: String::new() }
}

/// The share of dead letters among the messages of the last ten minutes.
#[derive(Default)]
struct Share {
    noted: VecDeque<(Instant, Counted)>,
}

impl Share {
    fn note(&mut self, counted: Counted, now: Instant) {
        self.noted.push_back((now, counted));
        // The first one left is as old as the window, or the oldest there is.
        while self.noted.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.noted.pop_front();
        }
    }

    fn share(&self) -> f64 {
        let (Some((_, first)), Some((_, last))) = (self.noted.front(), self.noted.back()) else { return 0.0 };
        let messages = last.messages - first.messages;
        if messages < LEAST_MESSAGES {
            return 0.0;
        }
        (last.dead_letters - first.dead_letters) as f64 / messages as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_that_of_ten_minutes() {
        let (mut share, begin) = (Share::default(), Instant::now());
        let mut at = |second, messages, dead_letters| {
            share.note(Counted { messages, dead_letters }, begin + Duration::from_secs(second));
            share.share()
        };
        assert_eq!(at(0, 0, 0), 0.0);
        assert_eq!(at(1, 99, 99), 0.0, "too few to tell");
        assert_eq!(at(2, 200, 100), 0.5);
        assert_eq!(at(602, 400, 100), 0.0, "the first ones are forgotten");
        assert_eq!(at(603, 600, 200), 0.25);
    }
}
