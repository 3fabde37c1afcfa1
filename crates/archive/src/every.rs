//! Runs that go on: the same work again after a while, until the run is told to stop.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use tally_postgres::{ErrorKind, Failure};
use tally_program::{Hangup, Stop};

use crate::alarm::Alarm;

/// Reads a stretch of time on the command line.
pub fn duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = |_| "must be a time such as 90d or 36h".to_string();
    let span: Span = text.parse().map_err(wrong)?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(wrong)?;
    match duration.is_negative() {
        true => Err("must not be negative".into()),
        false => Ok(duration),
    }
}

/// Does the work once, or again and again until a stop is requested or trying again would not help. An alarm tells of work that fails.
pub async fn repeat(
    every: Option<SignedDuration>,
    mut alarm: Option<Alarm>,
    work: impl AsyncFnMut(&Stop) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let done = work_again(every, alarm.as_mut(), work).await;
    if let Some(alarm) = alarm {
        alarm.finish();
    }
    done
}

async fn work_again(
    every: Option<SignedDuration>,
    mut alarm: Option<&mut Alarm>,
    mut work: impl AsyncFnMut(&Stop) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut stop = Stop::on_signals(|| {}, Hangup::Stops)?;
    loop {
        let done = work(&stop).await;
        if let Some(alarm) = &mut alarm {
            alarm.look(&done, every.is_none());
        }
        let Some(every) = every else { return done };
        match done {
            Err(failure) if failure.kind() == ErrorKind::Fatal => return Err(failure),
            Err(failure) => tracing::warn!("{failure}"),
            Ok(()) => {}
        }
        tokio::select! {
            () = stop.requested() => return Ok(()),
            () = tokio::time::sleep(Duration::try_from(every).unwrap_or_default()) => {}
        }
    }
}
