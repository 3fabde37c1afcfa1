//! Telling a webhook of runs that fail.

use std::path::Path;

use tally_notify::{Notifier, Origin, Problem};
use tally_postgres::{ErrorKind, Failure};
use tally_rows::config::NotifyConfig;

/// A webhook, and how the last run ended.
pub struct Alarm {
    notifier: Notifier,
    has_failed: bool,
}

impl Alarm {
    /// Reads which webhook a file names; none if it names none.
    pub fn read(file: &Path, program: &'static str, job: &str) -> Result<Option<Self>, Failure> {
        let begin = |config: NotifyConfig| {
            let notifier = Notifier::new(&config, Origin { program, job: job.into() })?;
            Ok(Self { notifier, has_failed: false })
        };
        NotifyConfig::read(file)?.map(begin).transpose()
    }

    /// Notes how a run has ended. What may go away by itself is told when it is there again at the next run, if there is one.
    pub fn look(&mut self, done: &Result<(), Failure>, is_last: bool) {
        let problem = Problem { name: "archive failed", subject: String::new() };
        match done {
            Ok(()) => self.notifier.clear(&problem),
            Err(failure) if failure.kind() == ErrorKind::Retry && !self.has_failed && !is_last => {}
            Err(failure) => self.notifier.raise(problem, &failure.to_string()),
        }
        self.has_failed = done.is_err();
    }

    /// Waits until everything is delivered, but some seconds at most.
    pub fn finish(self) {
        self.notifier.finish();
    }
}
