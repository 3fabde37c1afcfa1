//! The detector: what is kept of a series, and what each row does to it.

use super::alert::Outlier;
use super::candidates::{Candidates, Place, Previous};
use super::counts::{Counts, Values};
use super::noise::{Noise, Spread};
use super::path::Told;
use super::possible::MOST_ROWS;
use super::scale::Scale;
use super::settings::Settings;
use super::views::Views;
use serde::{Deserialize, Serialize};

/// The unit changes when the spread of the values is 2 to this of it: squares stay within single precision.
const MOST_EXPONENT: i32 = 20;
/// Values count as at most so many standard deviations from the mean.
const FARTHEST: f64 = (1u64 << 30) as f64;
/// Exponents of units; beyond, powers of two are not finite.
pub(super) const EXPONENTS: std::ops::RangeInclusive<i32> = -1000..=1000;
/// Steps of rows that all have the same time, in microseconds.
const NO_STEP: f64 = 1e6;

/// What a user may choose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// How many times as frequent as by default changes are expected to be.
    pub sensitivity: f64,
    /// Length of the seasonal period in microseconds, or rows where rows have no time; 0 for none.
    pub period: i64,
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

impl Options {
    /// The options that serve without being chosen.
    pub fn new(timed: bool) -> Options {
        Options { sensitivity: 1.0, period: if timed { DAY } else { 0 } }
    }
}

/// Why a row is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its time is before the last one's.
    Backwards,
    /// Rows before had a time and this one has none, or the other way round.
    Timeless,
}

/// All that is kept of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    pub(super) options: Options,
    pub(super) timed: bool,
    /// Rows so far, those without a value included.
    pub(super) rows: u64,
    /// Time of the last row; its number where rows have no time.
    pub(super) at: i64,
    /// Length of a step in units of time.
    pub(super) step: f64,
    /// Values are kept in units of 2 to this.
    pub(super) exponent: i16,
    /// The first rows, until there are enough to tell noise from level.
    pub(super) first: Vec<(u64, i64, f64)>,
    pub(super) values: Values,
    pub(super) spread: Spread,
    pub(super) noise: Noise,
    pub(super) candidates: Candidates,
    pub(super) views: Views,
    pub(super) outliers: Vec<Outlier>,
    /// Rows that outliers are silenced for, and the surprise that silenced them.
    pub(super) silence: u16,
    pub(super) loudest: f32,
    /// Start of the change that was told last, and when.
    pub(super) told: Option<(u64, Told)>,
    /// Surprise of the last row, if it had a value.
    pub(super) surprise: Option<f32>,
}

/// A row with a value.
struct Row {
    row: u64,
    at: i64,
    value: f64,
}

fn power(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

impl Detector {
    /// A detector that has seen nothing.
    pub fn new(timed: bool, options: Options) -> Detector {
        Detector {
            options,
            timed,
            rows: 0,
            at: if timed { i64::MIN } else { -1 },
            step: 1.0,
            exponent: 0,
            first: Vec::new(),
            values: Values::default(),
            spread: Spread::default(),
            noise: Noise::default(),
            candidates: Candidates::default(),
            views: Views::default(),
            outliers: Vec::new(),
            silence: 0,
            loudest: 0.0,
            told: None,
            surprise: None,
        }
    }

    /// Takes a row in. Without a finite value it only advances time.
    pub fn observe(&mut self, x: Option<f64>, at: Option<i64>, s: &Settings) -> Result<(), Refused> {
        self.take(x, at, s)?;
        // Damage that could be read may show only now: what is stored can always be read.
        if !self.possible() {
            *self = self.anew();
        }
        Ok(())
    }

    /// One that begins after the last row.
    pub(super) fn anew(&self) -> Detector {
        let rows = if self.rows < MOST_ROWS as u64 { self.rows } else { 0 };
        let at = if self.timed { self.at } else { rows as i64 - 1 };
        Detector { rows, at, ..Detector::new(self.timed, self.options) }
    }

    fn take(&mut self, x: Option<f64>, at: Option<i64>, s: &Settings) -> Result<(), Refused> {
        if at.is_some() != self.timed {
            return Err(Refused::Timeless);
        }
        let at = at.unwrap_or(self.rows as i64);
        if at < self.at {
            return Err(Refused::Backwards);
        }
        let row = self.rows;
        self.rows += 1;
        let previous = std::mem::replace(&mut self.at, at);
        self.surprise = None;
        self.silence = self.silence.saturating_sub(1);
        let Some(x) = x.filter(|x| x.is_finite()) else { return Ok(()) };
        if !self.candidates.list.is_empty() {
            if self.spread.mean == 0.0 && self.spread.squares == 0.0 {
                // Zeros have no unit.
                self.exponent = exponent(x.abs()) as i16;
            }
            let learned = self.learn(x, s);
            self.judge(Row { row, at, value: x }, previous, learned, s);
        } else {
            self.first.push((row, at, x));
            if self.first.len() >= s.warm_up as usize {
                self.settle(s);
            }
        }
        Ok(())
    }

    /// Judges the first rows, be they enough or not.
    pub(super) fn settle(&mut self, s: &Settings) {
        let first = std::mem::take(&mut self.first);
        let Some(&(_, start, x0)) = first.first() else { return };
        if self.timed {
            let mut steps: Vec<f64> =
                first.windows(2).map(|w| w[1].1.saturating_sub(w[0].1) as f64).collect();
            steps.retain(|step| *step > 0.0);
            steps.sort_by(f64::total_cmp);
            self.step = steps.get(steps.len() / 2).copied().unwrap_or(NO_STEP);
        }
        let far = first.iter().map(|r| (r.2 / 2.0 - x0 / 2.0).abs()).fold(0.0, f64::max);
        let size = if far > 0.0 { far } else { x0.abs() };
        self.exponent = exponent(size) as i16;
        let unit = power(-i32::from(self.exponent));
        self.noise.start(first.iter().map(|r| r.2 * unit));
        let learned: Vec<f64> = first.iter().map(|r| self.learn(r.2, s)).collect();
        let mut previous = start;
        for ((row, at, value), x) in first.into_iter().zip(learned) {
            self.judge(Row { row, at, value }, previous, x, s);
            previous = at;
        }
    }

    /// Learns the scale of the values; the value in the detector's unit.
    fn learn(&mut self, x: f64, s: &Settings) -> f64 {
        self.values = self.values.with(x);
        let mut x = x * power(-i32::from(self.exponent));
        if !x.is_finite() {
            x = f64::MAX.sqrt().copysign(x);
        }
        let deviation = self.spread.variance().sqrt();
        if deviation > 0.0 {
            let farthest = FARTHEST * deviation;
            x = x.clamp(self.spread.mean - farthest, self.spread.mean + farthest);
        } else {
            let farthest = FARTHEST * FARTHEST;
            x = x.clamp(-farthest, farthest);
        }
        self.spread.observe(x);
        self.noise.observe(x, s);
        let size = exponent(self.spread.variance().sqrt());
        if size > MOST_EXPONENT && EXPONENTS.contains(&(i32::from(self.exponent) + size)) {
            let factor = power(-size);
            self.exponent += size as i16;
            self.spread.scale(factor);
            self.noise.scale(factor);
            self.candidates.scale(factor);
            self.views.scale(factor);
            x *= factor;
        }
        x
    }

    /// Judges a row; `x` is its value as it was learned.
    fn judge(&mut self, Row { row, at, value }: Row, previous: i64, x: f64, s: &Settings) {
        let one = power(-i32::from(self.exponent));
        let noise = self.noise.estimate(s);
        let counts = Counts::new(self.values, &self.spread, noise.variance, one);
        let scale = Scale::new(&self.spread, noise, counts, s);
        let place = Place { row, at, step: self.step };
        let hazard = self.hazard(s);
        let previous = Previous { place: Place { at: previous, ..place }, value: self.views.last };
        self.candidates.observe(x, place, &previous, &scale, hazard, s);
        self.tell(row, at, s);
        let surprise = self.views.observe(x, self.phase(at), s);
        self.surprise = Some(surprise.score as f32);
        self.notice(row, at, value, surprise, s);
    }

    pub(super) fn hazard(&self, s: &Settings) -> f64 {
        (s.hazard * self.options.sensitivity).min(0.5)
    }

    fn phase(&self, at: i64) -> Option<f64> {
        (self.options.period > 0)
            .then(|| at.rem_euclid(self.options.period) as f64 / self.options.period as f64)
    }

    /// Size of the detector's unit.
    pub(super) fn unit(&self) -> f64 {
        power(i32::from(self.exponent))
    }
}

/// The power of two just below a number; 0 for 0.
fn exponent(x: f64) -> i32 {
    if x > 0.0 {
        (x.log2() as i32).clamp(*EXPONENTS.start(), *EXPONENTS.end())
    } else {
        0
    }
}
