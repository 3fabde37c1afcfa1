//! The clock: the number of rows, the time of the last one, and the length of a step.

use super::check::{structure, Check, MOST_ROWS};
use serde::{Deserialize, Serialize};

/// The step of rows that all have the same time, in microseconds.
const NO_STEP: f64 = 1e6;
/// The most steps since the start of a segment; the sum of their squares stays within single precision.
pub const MOST_STEPS: f64 = (1u64 << 50) as f64;
/// Units of time in a second.
const SECOND: f64 = 1e6;

/// The reason why a row is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The time is before that of the last row.
    Backwards,
    /// Earlier rows had a time and this one has none, or the other way round.
    Timeless,
}

/// The rows so far and their times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    timed: bool,
    /// Rows so far, those without a value included.
    rows: u64,
    /// Time of the last row; its number where rows have no time.
    at: i64,
    /// Length of a step in units of time.
    step: f64,
}

/// A row with a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub row: u64,
    pub at: i64,
    pub value: f64,
}

/// The place of a row: its number, its time, and how long a step is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub row: u64,
    pub at: i64,
    step: f64,
}

impl Place {
    /// Steps since a time.
    #[inline]
    pub fn since(&self, at: i64) -> f64 {
        (self.at.saturating_sub(at) as f64 / self.step).min(MOST_STEPS)
    }

    /// The place this many steps later.
    pub fn ahead(self, steps: f64) -> Place {
        Place { at: self.at.saturating_add((steps * self.step) as i64), ..self }
    }
}

impl Clock {
    /// A clock before the first row.
    pub fn new(timed: bool) -> Clock {
        Clock { timed, rows: 0, at: if timed { i64::MIN } else { -1 }, step: 1.0 }
    }

    /// A clock that continues after the last row but has forgotten the length of a step.
    pub fn restarted(&self) -> Clock {
        let rows = if self.rows < MOST_ROWS as u64 { self.rows } else { 0 };
        let at = if self.timed { self.at } else { rows as i64 - 1 };
        Clock { rows, at, ..Clock::new(self.timed) }
    }

    /// Goes on to the next row; returns its number, its time, and the time of the row before.
    pub fn advance(&mut self, at: Option<i64>) -> Result<(u64, i64, i64), Refused> {
        if at.is_some() != self.timed {
            return Err(Refused::Timeless);
        }
        let at = at.unwrap_or(self.rows as i64);
        if at < self.at {
            return Err(Refused::Backwards);
        }
        let row = self.rows;
        self.rows += 1;
        Ok((row, at, std::mem::replace(&mut self.at, at)))
    }

    /// Takes the median time between the first rows as the length of a step.
    pub fn measure(&mut self, first: &[Row]) {
        if !self.timed {
            return;
        }
        let mut steps: Vec<f64> = first.windows(2).map(|w| w[1].at.saturating_sub(w[0].at) as f64).collect();
        steps.retain(|step| *step > 0.0);
        steps.sort_by(f64::total_cmp);
        self.step = steps.get(steps.len() / 2).copied().unwrap_or(NO_STEP);
    }

    /// Whether rows have times.
    pub fn timed(&self) -> bool {
        self.timed
    }

    /// Rows so far, those without a value included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Time of the last row; its number where rows have no time.
    pub fn at(&self) -> i64 {
        self.at
    }

    /// The place of the last row.
    pub fn now(&self) -> Place {
        self.place(self.rows.saturating_sub(1), self.at)
    }

    /// The place of a row.
    pub fn place(&self, row: u64, at: i64) -> Place {
        Place { row, at, step: self.step }
    }

    /// Length of a step, in units of time.
    pub fn step(&self) -> f64 {
        self.step
    }

    /// Steps between two times.
    pub fn steps(&self, from: i64, to: i64) -> f64 {
        to.saturating_sub(from) as f64 / self.step
    }

    /// A time in steps, from any origin.
    pub fn place_in_steps(&self, at: i64) -> f64 {
        at as f64 / self.step
    }

    /// Factor from a slope per step to one per second, or per row where rows have no time.
    pub fn slope_factor(&self) -> f64 {
        if self.timed {
            SECOND / self.step
        } else {
            1.0
        }
    }

    pub fn check(&self) -> Check {
        structure(
            (1.0..=MOST_ROWS * MOST_ROWS).contains(&self.step),
            "the length of a step is out of range",
        )?;
        structure(self.rows <= MOST_ROWS as u64, "its number of rows is out of range")?;
        structure(
            self.timed || self.at == self.rows as i64 - 1,
            "the number of its last row is not its count of rows",
        )
    }

    /// Whether a row and its time are not after the last ones.
    pub fn has(&self, row: u64, at: i64) -> bool {
        row < self.rows && at <= self.at
    }

    /// Whether rows follow one another in number and time, up to the last row.
    pub fn in_order(&self, mut rows: impl Iterator<Item = (u64, i64)>) -> bool {
        let mut last: Option<(u64, i64)> = None;
        rows.all(|(row, at)| {
            let before = last.replace((row, at));
            before.is_none_or(|b| b.0 < row && b.1 <= at) && self.has(row, at)
        })
    }
}

#[cfg(test)]
impl Clock {
    /// A clock that has seen this many rows.
    pub fn after(rows: u64, timed: bool) -> Clock {
        Clock { rows, at: if timed { i64::MIN } else { rows as i64 - 1 }, ..Clock::new(timed) }
    }
}
