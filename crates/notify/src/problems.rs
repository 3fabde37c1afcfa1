//! The problems that there are, and whether they have been told.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::message::{Message, Phase, Problem};

/// Time after which a problem that lasts is told again.
pub const REPETITION: Duration = Duration::from_secs(4 * 3600);

/// Problems told within an [`HOUR`]; others wait.
const MOST_PER_HOUR: usize = 10;

const HOUR: Duration = Duration::from_secs(3600);

/// The problems of a program.
#[derive(Default)]
pub struct Problems {
    lasting: BTreeMap<Problem, Lasting>,
    /// Times at which problems were told within the last hour.
    told: VecDeque<Instant>,
}

struct Lasting {
    since: Timestamp,
    summary: String,
    /// Time of the last message, if there was one.
    told: Option<Instant>,
}

impl Problems {
    /// Notes that there is a problem; returns what is to be told of it now.
    pub fn raise(&mut self, problem: Problem, summary: &str, now: Instant, at: Timestamp) -> Option<Message> {
        while self.told.front().is_some_and(|told| now.duration_since(*told) >= HOUR) {
            self.told.pop_front();
        }
        let lasting = self.lasting.entry(problem.clone()).or_insert_with(|| Lasting {
            since: at,
            summary: String::new(),
            told: None,
        });
        summary.clone_into(&mut lasting.summary);
        let phase = match lasting.told {
            None => Phase::Begins,
            Some(told) if now.duration_since(told) >= REPETITION => Phase::Lasts,
            Some(_) => return None,
        };
        if self.told.len() >= MOST_PER_HOUR {
            return None;
        }
        self.told.push_back(now);
        lasting.told = Some(now);
        Some(Message { problem, phase, summary: summary.into(), since: lasting.since, at })
    }

    /// Notes that there is no such problem; returns what is to be told now, if it had been told before.
    pub fn clear(&mut self, problem: &Problem, at: Timestamp) -> Option<Message> {
        let over = self.lasting.remove(problem)?;
        over.told?;
        Some(Message {
            problem: problem.clone(),
            phase: Phase::Over,
            summary: over.summary,
            since: over.since,
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn stopped(topic: usize) -> Problem {
        Problem { name: "topic stopped", subject: topic.to_string() }
    }

    #[test]
    fn a_problem_is_told_once_then_every_four_hours_and_when_it_is_over() {
        let (mut problems, begin, at) = (Problems::default(), Instant::now(), Timestamp::UNIX_EPOCH);
        let mut told = Vec::new();
        for second in 0..5 * 3600 {
            let message = problems.raise(stopped(1), "s", begin + second * SECOND, at);
            told.extend(message.map(|message| (second, message.phase)));
        }
        assert_eq!(told, [(0, Phase::Begins), (4 * 3600, Phase::Lasts)]);
        assert_eq!(problems.clear(&stopped(1), at).unwrap().phase, Phase::Over);
        assert!(problems.clear(&stopped(1), at).is_none());
        let again = problems.raise(stopped(1), "s", begin + 6 * HOUR, at);
        assert_eq!(again.unwrap().phase, Phase::Begins);
    }

    #[test]
    fn many_problems_wait_for_the_next_hour_and_none_is_forgotten() {
        let (mut problems, begin, at) = (Problems::default(), Instant::now(), Timestamp::UNIX_EPOCH);
        let mut raise_all = |now| {
            let all = (0..25).filter_map(|topic| problems.raise(stopped(topic), "s", now, at));
            all.count()
        };
        let told: Vec<usize> = (0..4).map(|hour| raise_all(begin + hour * HOUR)).collect();
        assert_eq!(told, [10, 10, 5, 0]);
    }

    #[test]
    fn what_was_not_told_is_over_without_a_word() {
        let (mut problems, begin, at) = (Problems::default(), Instant::now(), Timestamp::UNIX_EPOCH);
        for topic in 0..11 {
            problems.raise(stopped(topic), "s", begin, at);
        }
        assert!(problems.clear(&stopped(9), at).is_some());
        assert!(problems.clear(&stopped(10), at).is_none());
    }
}
