//! Starts that are none: where noise appears from nothing, every row is a new level until the noise is known, and where the
//! first rows are wrong, the right ones are one.

use crate::detector::numbers::Brief;
use crate::detector::segmentation::Start;
use crate::detector::settings::Settings;
use std::iter::Peekable;

/// The least number of short segments in a row that are a burst; one may be a short change and its end.
const BURST: usize = 2;

/// Starts, newest first, without one after a few wrong rows, and with one for each burst: it begins where the burst does, and is known as well as its last.
#[derive(Clone)]
pub struct Settled<'a, I: Iterator<Item = &'a Start>> {
    starts: Peekable<I>,
    /// Rows of a segment that is not short.
    rows: u64,
    next: Option<Start>,
}

/// The starts without bursts, newest first.
pub fn settled<'a, I: Iterator<Item = &'a Start>>(starts: I, s: &Settings) -> Settled<'a, I> {
    Settled { starts: starts.peekable(), rows: s.alert_rows, next: None }
}

impl<'a, I: Iterator<Item = &'a Start>> Iterator for Settled<'a, I> {
    type Item = Start;

    fn next(&mut self) -> Option<Start> {
        if self.next.is_some() {
            return self.next.take();
        }
        let mut last = self.starts.next()?;
        let rows = self.rows;
        // The first few rows are no level, but wrong.
        if let Some(beginning) = self.starts.next_if(|e| e.before.is_none() && last.row - e.row < rows) {
            last = beginning;
        }
        let (mut first, mut passed) = (last, 0);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        let short = |start: &Start| start.before.is_some() && start.alerted.is_none();
        while let Some(earlier) = self.starts.next_if(|e| short(e) && first.row - e.row < rows) {
            (first, passed) = (earlier, passed + 1);
            let level = earlier.before.map_or(f64::NAN, |before| before.level);
            (least, most) = (least.min(level), most.max(level));
        }
        if passed < BURST {
            self.next = (passed > 0).then(|| first.clone());
            return Some(last.clone());
        }
        let mut burst = first.clone();
        (burst.probability, burst.alerted) = (last.probability, last.alerted);
        if let (Some(before), None) = (&mut burst.before, self.starts.peek()) {
            // The beginning may be forgotten, and this be one of the levels within the burst.
            before.level_error = Brief::new(before.level_error.get().max((most - least) / 2.0));
        }
        Some(burst)
    }
}
