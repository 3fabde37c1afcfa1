//! The scale of a series: the unit in which its values are kept, their spread and their noise.

mod counts;
mod drift;
mod long;
mod memory;
mod noise;
mod outlook;
mod prior;
mod season;
mod spread;

pub use drift::LONG_STEPS as MOST_DRIFT_STEPS;
pub use memory::DriftMemory;
pub use prior::{student_peak, Prior, RowAlone};

use super::check::{number, structure, within, Check, MOST_VALUE};
use super::clock::{Clock, Row};
use super::numbers::between;
use super::settings::Settings;
use counts::{Counts, Values};
use long::{LongSeason, Turn};
use memory::Memories;
use noise::Noise;
pub use noise::{NoiseEstimate, MOST_CORRELATED};
use season::Season;
use serde::{Deserialize, Serialize};
use spread::Spread;
use std::ops::RangeInclusive;

/// The spread at which the unit changes, so that squares stay within single precision.
const WIDE: f64 = (1u64 << 21) as f64;
/// Standard deviations from the mean at which values are cut off.
const FARTHEST: f64 = (1u64 << 30) as f64;
/// Standard deviations from the mean at which values are cut off where a long season is sought.
const LONG_REACH: f64 = 3.0;
/// Share of that distance from which a value was as far.
const STILL: f64 = 1.0 / (1u64 << 10) as f64;
/// The range of exponents of units, well within that of finite powers of two.
const EXPONENTS: RangeInclusive<i32> = -1000..=1000;

/// The scale that a series has shown so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesScale {
    /// Log2 of the unit in which values are kept.
    exponent: i16,
    /// The first rows, until there are enough to distinguish noise from level.
    first: Vec<Row>,
    values: Values,
    spread: Spread,
    noise: Noise,
    season: Season,
    long: LongSeason,
    memories: Memories,
    /// The last value.
    last: f64,
}

/// The number of a row, its place and that of the row before in steps, and the period of the calendar in steps; 0 for none.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub row: u64,
    pub place: f64,
    pub before: f64,
    pub period: f64,
}

/// A season of a few rows, which was taken out of the noise.
#[derive(Clone, Copy, Debug)]
pub struct Calmed {
    /// Factor of the variance of the noise.
    pub share: f64,
    /// The mean of the last period, if all that was seen before may have been the season's curve.
    pub level: Option<f64>,
}

/// A value in the unit of the detector.
#[derive(Clone, Copy, Debug)]
pub struct Learned {
    pub value: f64,
    /// The value before, or the same if there is none.
    pub last: f64,
    /// The value without the season, and so the value before.
    pub calm: f64,
    pub previous: f64,
    /// Deviation from the level by the season as it was expected, and what it was expected to add to the value before.
    pub expected: [f64; 2],
    /// The season of a few rows that was found just now.
    pub calmed: Option<Calmed>,
    /// The long season that was found or lost just now.
    pub turned: Option<Turn>,
    /// Factor by which the unit has just changed, if it has.
    pub rescaled: Option<f64>,
}

impl Calmed {
    /// Changes the unit of the values.
    fn rescaled(self, factor: f64) -> Calmed {
        Calmed { level: self.level.map(|level| level * factor), ..self }
    }
}

impl SeriesScale {
    /// Keeps one of the first rows; returns their number.
    pub fn wait(&mut self, row: Row) -> usize {
        self.first.push(row);
        self.first.len()
    }

    /// Whether the first rows wait for more.
    pub fn waits(&self) -> bool {
        !self.first.is_empty()
    }

    /// Sets unit and noise from the first rows, and returns these to be learned.
    pub fn start(&mut self) -> Vec<Row> {
        let first = std::mem::take(&mut self.first);
        let Some(&Row { value: x0, .. }) = first.first() else { return first };
        let far = first.iter().map(|r| (r.value / 2.0 - x0 / 2.0).abs()).fold(0.0, f64::max);
        self.exponent = exponent(if far > 0.0 { far } else { x0.abs() }) as i16;
        let unit = power(-i32::from(self.exponent));
        self.noise.start(first.iter().map(|r| r.value * unit));
        first
    }

    /// Chooses the unit again if all values so far were 0, which do not determine one.
    pub fn choose_unit(&mut self, x: f64) {
        if self.spread.is_zero() {
            self.exponent = exponent(x.abs()) as i16;
        }
    }

    /// Learns a value.
    pub fn learn(&mut self, x: f64, when: &When, s: &Settings) -> Learned {
        self.values = self.values.with(x, self.spread.rows() + 1.0);
        let mut x = x * power(-i32::from(self.exponent));
        if !x.is_finite() {
            x = f64::MAX.sqrt().copysign(x);
        }
        let deviation = self.spread.variance().sqrt();
        if deviation > 0.0 {
            let farthest = FARTHEST * deviation;
            let (off, before) = (x - self.spread.mean(), self.last - self.spread.mean());
            if off.abs() > farthest {
                // It is as far as the last one if that was as far, although the spread has grown since.
                let still = off * before > 0.0 && before.abs() > STILL * farthest;
                x = if still { self.last } else { self.spread.mean() + farthest.copysign(off) };
            }
        } else {
            let farthest = FARTHEST * FARTHEST;
            x = between(x, -farthest, farthest);
        }
        let first = self.spread.rows() == 0.0;
        let before = std::mem::replace(&mut self.last, x);
        let (last, difference) = (if first { x } else { before }, x - before);
        // At the end of double precision a value and its season would be beyond it.
        // The rhythm of rare events is not told from bursts of them.
        let rare = self.rare(s);
        let seasonal = !first && i32::from(self.exponent).abs() < *EXPONENTS.end() && !rare;
        let row = when.row;
        let places = [when.place, when.before];
        let expected = self.season_ahead([row.saturating_sub(1), row], [when.before, when.place]);
        let long = places.map(|place| self.long.deviation(place));
        let calmed = if seasonal {
            self.find_season(x - long[0], difference - (long[0] - long[1]), when, s)
        } else {
            None
        };
        let short = self.season.deviations([row, row.saturating_sub(1)]);
        let turned = if seasonal { self.find_long(x - short[0] - long[0], when, s) } else { None };
        let long = if turned.is_some() { places.map(|place| self.long.deviation(place)) } else { long };
        let [season, before] = [short[0] + long[0], short[1] + long[1]];
        self.spread.observe(x - season);
        self.memories.observe(difference, season, when.place, self.noise.reach(s));
        self.noise.observe(if first { None } else { Some(difference - (season - before)) }, s);
        // Of events of different sizes, it is how often they come that is judged.
        let size = if rare { self.values.size(self.spread.mean()) } else { None };
        let judged = |x: f64, season: f64| size.filter(|_| x != 0.0).unwrap_or(x - season);
        let (now, judged_last) = (judged(x, season), judged(x - difference, before));
        let previous = if first { x } else { judged_last };
        if !first {
            self.noise.count(now - judged_last, s);
        }
        let calm = Learned { value: x, last, calm: now, previous, expected, calmed, turned, rescaled: None };
        let deviation = self.spread.variance().sqrt();
        if deviation < WIDE {
            return calm;
        }
        let size = exponent(deviation);
        if EXPONENTS.contains(&(i32::from(self.exponent) + size)) {
            let factor = power(-size);
            self.exponent += size as i16;
            self.last *= factor;
            self.spread.rescale(factor);
            self.noise.rescale(factor);
            self.season.rescale(factor);
            self.long.rescale(factor);
            self.memories.rescale(factor);
            let (value, last) = (x * factor, last * factor);
            let (calm, previous) = (calm.calm * factor, calm.previous * factor);
            let turned = turned.map(|turn| turn.rescaled(factor));
            let calmed = calmed.map(|calmed| calmed.rescaled(factor));
            let expected = expected.map(|x| x * factor);
            return Learned { value, last, calm, previous, expected, calmed, turned, rescaled: Some(factor) };
        }
        calm
    }

    /// Whether the values are rare events.
    fn rare(&self, s: &Settings) -> bool {
        self.values.countable() && self.counts(&self.noise.estimate(s)).is_some()
    }

    /// The model of rare events, if the values so far look like such and have no season.
    fn counts(&self, noise: &NoiseEstimate) -> Option<Counts> {
        if !self.values.countable() {
            return None;
        }
        Counts::new(self.values, &self.spread, noise.variance, self.unit())
            .filter(|_| !self.season.found() && !self.long.found())
    }

    /// Looks for a season, or learns it, by a value and its difference from the one before. If it is found now, noise and
    /// spread are taken as those without it.
    fn find_season(&mut self, x: f64, difference: f64, when: &When, s: &Settings) -> Option<Calmed> {
        let found = self.season.learn(when.row, difference, self.noise.reach(s), when.period)?;
        let before = self.noise.estimate(s).variance;
        self.noise.calm(1.0 - found.share, found.correlation, s);
        self.spread.calm(self.season.variance());
        self.memories = Memories::default();
        self.long.begin_again();
        let after = self.noise.estimate(s).variance;
        let level = found.behind.map(|behind| x + behind);
        (before > 0.0).then(|| Calmed { share: (after / before).min(1.0), level })
    }

    /// Looks for a long season, or learns it. If it is found or lost now, noise and spread are taken as those of what it
    /// leaves.
    fn find_long(&mut self, calm: f64, when: &When, s: &Settings) -> Option<Turn> {
        let (mean, reach) = (self.spread.mean(), LONG_REACH * self.spread.variance().sqrt());
        let cut = if self.long.found() { calm } else { between(calm, mean - reach, mean + reach) };
        let noise = || (self.noise.estimate(s).variance, self.noise.calm_variance(s));
        let turn = self.long.learn(cut, when.place, when.period, noise)?;
        self.noise.smooth(turn.increments, s);
        self.spread.calm(turn.variance);
        self.memories = Memories::default();
        Some(turn)
    }

    /// Deviation of a row from the level by its season, and what the season adds to an earlier one, in the detector's unit.
    /// The rows are told by their numbers, and by their places in steps.
    pub fn season_ahead(&self, [row, then]: [u64; 2], places: [f64; 2]) -> [f64; 2] {
        let [deviation, turn] = self.season.ahead(row, then.saturating_sub(row));
        let [before, long] = places.map(|place| self.long.deviation(place));
        [deviation + long, turn + (long - before)]
    }

    /// Mean deviation from the level by the season of a few rows from a row on and before another.
    pub fn short_season(&self, from: u64, to: u64) -> f64 {
        self.season.mean(from, to)
    }

    /// Mean deviation from the level by the long season between two places, and the variance of its error.
    pub fn long_season(&self, from: f64, to: f64) -> (f64, f64) {
        self.long.mean(from, to)
    }

    /// Share of a row's evidence that is left where the season is not known row by row; the places are that of the row and
    /// that of the row before.
    pub fn certainty(&self, places: [f64; 2], noise: f64) -> f64 {
        let [row, before] = places.map(|place| self.long.certainty(place, noise));
        row.min(before)
    }

    /// The prior of the next segment.
    pub fn prior(&self, noise: &NoiseEstimate, s: &Settings) -> Prior {
        let counts = self.counts(noise);
        Prior::new(&self.spread, noise, self.memories.best(), counts, s)
    }

    /// The noise as the differences of successive values show it, and what a long season leaves.
    pub fn noise(&self, s: &Settings) -> NoiseEstimate {
        let noise = self.noise.estimate(s);
        let worth = self.long.worth(noise.variance).max(s.least_weight);
        NoiseEstimate { weight: noise.weight.min(worth * noise.temper), ..noise }
    }

    /// The last value, in this unit.
    pub fn last(&self) -> f64 {
        self.last
    }

    /// Size of the unit that values are kept in.
    pub fn unit(&self) -> f64 {
        power(i32::from(self.exponent))
    }

    /// The least and the greatest value of the kind that all were so far.
    pub fn range(&self) -> (f64, f64) {
        self.values.range(self.spread.mean() * self.unit(), self.spread.rows())
    }

    /// The first time of a waiting row.
    pub fn earliest(&self) -> Option<i64> {
        self.first.iter().map(|r| r.at).min()
    }

    pub fn check(&self, clock: &Clock) -> Check {
        structure(EXPONENTS.contains(&i32::from(self.exponent)), "the unit of its values is out of range")?;
        let rows = self.first.iter().map(|r| (r.row, r.at));
        structure(clock.in_order(rows), "its first rows are not in the order of numbers and times")?;
        number(self.first.iter().all(|r| r.value.is_finite()), "one of its first values is not finite")?;
        number(within(self.last, MOST_VALUE), "its last value is out of range")?;
        self.values.check()?;
        self.spread.check()?;
        self.season.check()?;
        self.long.check()?;
        self.memories.check()?;
        self.noise.check()
    }
}

/// A power of two; its exponent is that of a normal number.
fn power(exponent: i32) -> f64 {
    f64::from_bits(((f64::MAX_EXP - 1 + exponent) as u64) << (f64::MANTISSA_DIGITS - 1))
}

/// The power of two just below a number; 0 for 0.
fn exponent(x: f64) -> i32 {
    if x > 0.0 {
        (x.log2() as i32).clamp(*EXPONENTS.start(), *EXPONENTS.end())
    } else {
        0
    }
}
