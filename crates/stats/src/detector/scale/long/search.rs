//! The search for a long season: means of blocks of rows a period apart are alike, and others differ.

use super::curve::Curve;
use crate::detector::check::{number, structure, up_to, within, Check, MOST_ROWS, MOST_VALUE};
use crate::detector::numbers::{single, Brief};
use serde::{Deserialize, Serialize};

/// The longest lag that is looked at, in blocks; a season is shorter.
const LAGS: usize = 25;
/// Blocks of the period of the calendar, and the least rows of a block.
const PER_PERIOD: f64 = 24.0;
const FEW_ROWS: f64 = 4.0;
/// Periods of the calendar, of which the first that is long is looked at: a day, and a week of seven.
const CALENDAR: [f64; 2] = [1.0, 7.0];
/// The least rows of a long season: shorter ones are learnt row by row.
pub const LEAST_ROWS: f64 = 26.0;
/// Blocks after which they become this many times as long, and then as short as they were: at first, so that a season
/// of any length is seen soon, and later, so that a weak one is.
const PATIENCE: [u8; 2] = [64, 110];
const LONGER: f64 = 3.0;
/// Blocks that the mean sizes remember.
const MEMORY: f64 = 64.0;
/// Multiples of a mean size at which sizes are cut off, after a few: a step of the level is in many of them.
const FARTHEST: f64 = 3.0;
const FEW_BLOCKS: usize = 8;
/// Standard errors by which means a period apart are more alike than others.
const SEEN: f64 = 6.0;
/// Relative variance of the squared mean size of the differences, of one block.
const VARIANCES: f64 = 3.0;
/// Periods that a season takes to be seen: of two, the second may be a step that leads back to the beginning of a trend.
const PERIODS: f64 = 2.5;
/// The greatest square a period apart, relative to that of neighbouring blocks: where the level wanders, it is more.
const MOST_APART: f64 = 2.0;
/// The variance of normal differences by the square of their mean size.
const OF_SIZES: f64 = std::f64::consts::FRAC_PI_2;
/// The least square, relative to that of shorter lags.
const LEAST_REST: f64 = 1e-6;
/// The share of its length by which a season may miss that of the calendar and be it.
const OFF_CALENDAR: f64 = 0.04;

/// Means of the last blocks, and how far they are from earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeasonSearch {
    /// Whether the blocks are the first ones, the longer ones, or the short ones again.
    turns: u8,
    /// Number of the block that is being filled, the mean of the one before, the sum of what values are above that, and
    /// the number of values.
    number: f64,
    last: f64,
    sum: f32,
    rows: f32,
    /// Blocks that were filled.
    blocks: u8,
    /// Differences between neighbouring blocks, the newest first, and mean sizes of the differences by lag from 1.
    differences: [Brief; LAGS],
    sizes: [Brief; LAGS],
}

impl SeasonSearch {
    /// A search in a series that had no season, or another one.
    pub fn again() -> SeasonSearch {
        SeasonSearch { turns: 2, ..SeasonSearch::default() }
    }

    /// Steps of a block for a period of the calendar in steps; 0 for none.
    fn steps(&self, period: f64) -> f64 {
        let long = CALENDAR.map(|factor| factor * period).into_iter().find(|period| *period > LEAST_ROWS);
        let steps = long.map_or(FEW_ROWS, |period| (period / PER_PERIOD).max(FEW_ROWS));
        steps * if self.turns == 1 { LONGER } else { 1.0 }
    }

    /// Seeks from here on.
    fn begin(&mut self, turns: u8) {
        *self = SeasonSearch { turns, ..SeasonSearch::default() };
    }

    /// Learns the value at a place; returns the season if it is found.
    pub fn learn(&mut self, x: f64, place: f64, period: f64) -> Option<Curve> {
        let number = (place / self.steps(period)).floor();
        let mut found = None;
        if number != self.number && self.rows > 0.0 {
            let next = number == self.number + 1.0;
            found = self.close(period);
            if !next {
                // Blocks without rows are not known.
                self.begin(self.turns);
            } else if self.blocks >= PATIENCE[usize::from(self.turns > 0)] {
                self.begin(if self.turns == 1 { 2 } else { 1 });
            }
        }
        if self.rows == 0.0 {
            self.number = (place / self.steps(period)).floor();
            if self.blocks == 0 {
                self.last = x;
            }
        }
        self.sum = single(f64::from(self.sum) + (x - self.last));
        self.rows += 1.0;
        found
    }

    /// Ends a block.
    fn close(&mut self, period: f64) -> Option<Curve> {
        let difference = f64::from(self.sum) / f64::from(self.rows);
        (self.sum, self.rows) = (0.0, 0.0);
        self.last += difference;
        self.blocks += 1;
        if self.blocks == 1 {
            return None;
        }
        self.differences.copy_within(..LAGS - 1, 1);
        self.differences[0] = Brief::new(difference);
        let (mut apart, known) = (0.0, usize::from(self.blocks) - 1);
        for (i, (difference, mean)) in self.differences.iter().zip(&mut self.sizes).take(known).enumerate() {
            apart += difference.get();
            let (before, pairs) = (mean.get(), known - i);
            let size = f64::abs(apart);
            let size = if pairs > FEW_BLOCKS { size.min(FARTHEST * before) } else { size };
            *mean = Brief::new(before + (size - before) / (pairs as f64).min(MEMORY));
        }
        let blocks = self.season()?;
        let steps = self.steps(period);
        let length = blocks * steps;
        if length < LEAST_ROWS {
            return None;
        }
        let near = CALENDAR.map(|factor| factor * period).into_iter();
        let exact = near.into_iter().find(|p| (p - length).abs() < OFF_CALENDAR * p);
        let length = exact.unwrap_or(length);
        let end = (self.number + 1.0) * steps;
        let rest = OF_SIZES * self.sizes[(length / steps).round() as usize - 1].get().powi(2);
        let drift = -self.mean_before(length / steps);
        let mean = |ago: f64| self.last + self.mean_before((ago / steps - 0.5).max(0.0));
        Some(Curve::new(length, exact.is_some(), end, rest / 2.0, drift, mean))
    }

    /// Mean of the block this many blocks before the last one, relative to it; between blocks that of both.
    fn mean_before(&self, blocks: f64) -> f64 {
        let whole = blocks.floor().clamp(0.0, (LAGS - 1) as f64);
        let until = |n: usize| self.differences[..n].iter().map(|d| d.get()).sum::<f64>();
        let next = self.differences[whole as usize].get();
        -(until(whole as usize) + (blocks - whole).min(1.0) * next)
    }

    /// Length of the season in blocks, if there is one.
    fn season(&self) -> Option<f64> {
        let known = usize::from(self.blocks) - 1;
        let apart = |lag: usize| self.sizes[lag - 1].get().powi(2);
        let most = (LAGS - 1).min((known as f64 / PERIODS) as usize);
        let error = |lag: usize| (VARIANCES / ((known - lag) as f64).min(MEMORY)).sqrt();
        let dips = |lag: &usize| apart(*lag) < apart(lag - 1).min(apart(lag + 1));
        let (mut sum, mut contrasts) = (apart(1), [0.0; LAGS]);
        for (lag, contrast) in contrasts.iter_mut().enumerate().take(most + 1).skip(2) {
            let mean = sum / (lag - 1) as f64;
            if dips(&lag) && apart(lag) < MOST_APART * apart(1) {
                *contrast = (mean / apart(lag).max(LEAST_REST * mean)).ln();
            }
            sum += apart(lag);
        }
        let greatest = contrasts.iter().copied().fold(0.0, f64::max);
        let seen = |lag: &usize| {
            let error = error(*lag);
            contrasts[*lag] > SEEN * error && contrasts[*lag] >= greatest - 2.0 * error
        };
        let lag = (2..=most).find(seen)?;
        // Many periods tell its length better than one.
        let multiple = (LAGS - 1).min(known / 2) / lag;
        (1..=multiple).rev().find_map(|n| {
            let around = (n * lag).saturating_sub(n.div_ceil(2)).max(2)..=(n * lag + n / 2).min(LAGS - 1);
            let dip = around.filter(dips).min_by(|a, b| apart(*a).total_cmp(&apart(*b)))?;
            Some((dip as f64 + self.off(dip)) / n as f64)
        })
    }

    /// The distance of the least square from a lag at which it dips, as a parabola has it.
    fn off(&self, lag: usize) -> f64 {
        let [before, here, after] = [lag - 1, lag, lag + 1].map(|lag| self.sizes[lag - 1].get().powi(2));
        0.5 * (before - after) / (before - 2.0 * here + after)
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.sum = single(f64::from(self.sum) * factor);
        self.last *= factor;
        let scale = |numbers: &mut [Brief], factor: f64| {
            numbers.iter_mut().for_each(|x| *x = Brief::new(x.get() * factor));
        };
        scale(&mut self.differences, factor);
        scale(&mut self.sizes, factor);
    }

    pub fn check(&self) -> Check {
        structure(
            self.blocks <= PATIENCE[1] && self.turns <= 2 && self.rows >= 0.0,
            "the blocks of its rows are out of range",
        )?;
        let sound = [self.sum.into(), self.last].iter().all(|x| within(*x, MOST_VALUE))
            && self.number.is_finite()
            && up_to(self.rows.into(), MOST_ROWS)
            && self.differences.iter().all(|x| within(x.get(), MOST_VALUE))
            && self.sizes.iter().all(|x| up_to(x.get(), MOST_VALUE));
        number(sound, "a mean of a block of its rows is out of range")
    }
}
