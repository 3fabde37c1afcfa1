//! A long season that was found: a curve through a few slots, whose length is set right as it goes on.

use super::slots::{Slots, SLOTS};
use super::turns::Turns;
use crate::detector::check::{number, structure, up_to, within, Check, MOST_ROWS, MOST_SQUARES, MOST_VALUE};
use crate::detector::numbers::{between, single};
use serde::{Deserialize, Serialize};

/// Places of which the mean between two others is taken.
const PLACES: usize = 101;
/// Periods that the curve remembers.
const MEMORY: f64 = 30.0;
/// Weight of a slot in the level, and in the variances.
const LEVEL: f64 = 1.0 / SLOTS as f64;
const SPREAD: f64 = 0.5 / SLOTS as f64;
/// Standard deviations of what the season leaves at which it is cut off.
const REACH: f64 = 3.0;
/// Weight of a slot in the level where it is beyond: the level has changed.
const JUMP: f64 = 0.5;
/// The most of the share of a season that comes: what remains of one that has become far smaller may be any multiple of it.
const MOST_SHARE: f32 = 1e6;
/// The least share of the season that must come for it to be one.
const LEAST_SEASON: f64 = 0.3;
/// Periods one after another in which a season that is tried must come, and the share of its variance that those before
/// must foretell in each: what goes up and down at random is a season by chance, and its next moves are not where the last
/// were. Two moves in each period that are an eightieth of it off take a tenth away. Below the least share it is none.
const TRIED: u8 = 2;
const FORETOLD: f64 = 0.9;
const LEAST_FORETOLD: f64 = 0.6;
/// The least share of its variance that a season leaves at first: it may not be known so well.
const LEAST_REST: f64 = 1e-3;
/// The least gains by which an error of the phase corrects the phase and the length.
const LEAST_GAINS: (f64, f64) = (0.1, 0.005);

/// The curve of a season, in deviations from the level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Steps of a period, whether they are those of the calendar, and the place at which one began.
    period: f64,
    exact: bool,
    origin: f64,
    periods: u8,
    /// Periods one after another in which it came while it was tried.
    came: u8,
    /// The slot that is being filled, the sum of what its values without the season are above the level,
    /// and their number.
    slot: u8,
    sum: f32,
    rows: f32,
    /// The level without the season, the mean squared deviation from it, and the share of the season that came; of a season
    /// that is tried, what was foretold in this period.
    level: f64,
    rest: f32,
    share: f32,
    /// Sum of the deviations times the curve's slope, of this period.
    pull: f32,
    turns: Turns,
    deviations: Slots,
}

impl Curve {
    /// The curve of the last period before a place; `mean` is that of the rows this many steps before it, `rest` the
    /// variance of such means, and `drift` what they changed within the period.
    pub fn new(
        period: f64,
        exact: bool,
        end: f64,
        rest: f64,
        drift: f64,
        mean: impl Fn(f64) -> f64,
    ) -> Curve {
        let place = |slot: usize| (slot as f64 + 0.5) / SLOTS as f64;
        let values: [f64; SLOTS] = std::array::from_fn(|slot| {
            let left = 1.0 - place(slot);
            mean(left * period) + drift * left
        });
        let middle = values.iter().sum::<f64>() / SLOTS as f64;
        let deviations = Slots::new(values.map(|x| x - middle));
        let variance = values.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / SLOTS as f64;
        Curve {
            period,
            exact,
            origin: end,
            periods: 1,
            came: 0,
            slot: 0,
            sum: 0.0,
            rows: 0.0,
            level: middle,
            rest: single(rest.max(LEAST_REST * variance)),
            share: 0.0,
            pull: 0.0,
            turns: Turns::default(),
            deviations,
        }
    }

    /// Slots since the beginning of the period.
    #[inline]
    fn slots(&self, place: f64) -> f64 {
        let periods = (place - self.origin) / self.period;
        (periods - periods.floor()) * SLOTS as f64
    }

    /// Deviation from the level at a place, between those of the two nearest slots.
    #[inline]
    pub fn deviation(&self, place: f64) -> f64 {
        let slots = self.slots(place) + SLOTS as f64 - 0.5;
        let [first, next] = [0, 1].map(|after| self.deviations.get((slots as usize + after) % SLOTS));
        first + slots.fract() * (next - first)
    }

    /// Variance of the deviation at a place: where it turns sharply, it is not known in which row of the two nearest slots.
    #[inline]
    pub fn vague(&self, place: f64) -> f64 {
        self.turns.sharp() * self.turn(place)
    }

    /// Variance of the deviation at a place if all turns are sharp.
    #[inline]
    fn turn(&self, place: f64) -> f64 {
        let slots = self.slots(place) + SLOTS as f64 - 1.5;
        let around = [0, 1, 2, 3].map(|after| self.deviations.get((slots as usize + after) % SLOTS));
        Turns::variance(around, slots.fract())
    }

    /// Mean deviation between two places, and the variance of its error: those of the slots do not depend on one another.
    pub fn mean(&self, from: f64, to: f64) -> (f64, f64) {
        let places = (0..PLACES).map(|i| from + (i as f64 + 0.5) / PLACES as f64 * (to - from));
        let sums = places.fold((0.0, 0.0), |sums: (f64, f64), place| {
            (sums.0 + self.deviation(place), sums.1 + self.vague(place))
        });
        let slots = ((to - from) * SLOTS as f64 / self.period).max(1.0);
        (sums.0 / PLACES as f64, sums.1 / PLACES as f64 / slots)
    }

    pub fn level(&self) -> f64 {
        self.level
    }

    /// Steps in which a season shows that it is none.
    pub fn remembered(&self) -> f64 {
        self.period / (SPREAD * SLOTS as f64)
    }

    /// Mean square of the deviations.
    pub fn variance(&self) -> f64 {
        self.deviations.all().iter().map(|x| x.powi(2)).sum::<f64>() / SLOTS as f64
    }

    /// Rows of a slot, and the variance of their mean beside the season.
    pub fn rest(&self) -> (f64, f64) {
        (self.period / SLOTS as f64, self.rest.into())
    }

    /// Mean square of the steps from row to row.
    pub fn increments(&self) -> f64 {
        let rows = self.period / SLOTS as f64;
        let squares = (0..SLOTS).map(|slot| {
            let turn = self.deviations.get((slot + 1) % SLOTS) - self.deviations.get(slot);
            (turn / rows).powi(2)
        });
        squares.sum::<f64>() / SLOTS as f64
    }

    /// Change of the curve at a slot, per slot.
    fn slope(&self, slot: usize) -> f64 {
        let at = |slot: usize| self.deviations.get(slot % SLOTS);
        0.5 * (at(slot + 1) - at(slot + SLOTS - 1))
    }

    /// Learns the value at a place without the season, in noise of this variance. Returns whether the season is still one.
    pub fn learn(&mut self, calm: f64, place: f64, noise: f64) -> bool {
        self.take(calm, place, noise, None);
        f64::from(self.share) >= LEAST_SEASON
    }

    /// Compares the value at a place without the season with the curve, which does not know it yet, and learns it; `noise`
    /// is the variance of a row, and `of_means` that by which means of rows vary, beside season and changes. Returns whether
    /// the season is one, once that is known.
    pub fn foretell(&mut self, calm: f64, place: f64, noise: f64, of_means: f64) -> Option<bool> {
        if !self.take(calm, place, noise, Some(of_means)) {
            return None;
        }
        let came = f64::from(std::mem::take(&mut self.share));
        self.came = if came >= FORETOLD { self.came.saturating_add(1) } else { 0 };
        if self.came >= TRIED {
            self.share = 1.0;
            return Some(true);
        }
        (came < LEAST_FORETOLD).then_some(false)
    }

    /// Takes in a value; returns whether a period has ended before it.
    fn take(&mut self, calm: f64, place: f64, noise: f64, tried: Option<f64>) -> bool {
        let slot = (self.slots(place) as usize).min(SLOTS - 1) as u8;
        let mut ended = false;
        if slot != self.slot && self.rows > 0.0 {
            self.close(tried);
            ended = slot < self.slot;
            if ended {
                self.wrap(place);
            }
        }
        self.slot = slot;
        self.sum = single(f64::from(self.sum) + (calm - self.level));
        self.rows += 1.0;
        self.turns.observe(calm - self.level, self.turn(place), noise);
        ended
    }

    /// Ends a slot; the variance of a row is known of a season that is tried.
    fn close(&mut self, tried: Option<f64>) {
        let (slot, rows) = (usize::from(self.slot), f64::from(self.rows));
        let off = f64::from(self.sum) / rows;
        (self.sum, self.rows) = (0.0, 0.0);
        let (deviation, variance) = (self.deviations.get(slot), self.variance());
        let learn = |mean: f32, x: f64| single(f64::from(mean) + SPREAD * (x - f64::from(mean)));
        let far = REACH * (f64::from(self.rest) + variance).sqrt();
        let (near, least) = (between(off, -far, far), variance.max(f64::MIN_POSITIVE));
        self.share = match tried {
            Some(noise) => {
                // The curve is a mean of as many periods.
                let noise = noise / rows * (1.0 + 1.0 / f64::from(self.periods));
                single(f64::from(self.share) + (1.0 - (near * near - noise) / least) / SLOTS as f64)
            }
            None => learn(self.share, 1.0 + near * deviation / least),
        };
        self.share = self.share.clamp(-MOST_SHARE, MOST_SHARE);
        let reach = REACH * f64::from(self.rest).sqrt();
        // A level that follows would explain what a season that is tried does not.
        self.level += off * if off.abs() > reach && tried.is_none() { JUMP } else { LEVEL };
        let off = between(off, -reach, reach);
        self.rest = learn(self.rest, off * off);
        self.pull = single(f64::from(self.pull) + off * self.slope(slot));
        let share = 1.0 / (f64::from(self.periods) + 1.0).min(MEMORY);
        self.deviations.set(slot, deviation + share * off);
    }

    /// Ends a period: its length and phase are set right, and the mean of the curve goes to the level.
    fn wrap(&mut self, place: f64) {
        self.periods = self.periods.saturating_add(1);
        let deviations = self.deviations.all();
        let mean = deviations.iter().sum::<f64>() / SLOTS as f64;
        self.deviations = Slots::new(deviations.map(|x| x - mean));
        self.level += mean;
        self.turns.wrap(f64::from(self.periods - 1));
        let pull = f64::from(std::mem::take(&mut self.pull));
        let squares: f64 = (0..SLOTS).map(|slot| self.slope(slot).powi(2)).sum();
        if self.exact || squares <= 0.0 {
            return;
        }
        let early = between(pull / squares, -1.0, 1.0) / SLOTS as f64;
        let n = f64::from(self.periods);
        let gain = (2.0 * (2.0 * n - 1.0) / (n * (n + 1.0))).max(LEAST_GAINS.0);
        let bend = (6.0 / (n * (n + 1.0))).max(LEAST_GAINS.1);
        let phase = self.slots(place) / SLOTS as f64 + gain * early;
        self.period *= 1.0 - bend * early;
        self.origin = place - phase * self.period;
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.sum = single(f64::from(self.sum) * factor);
        self.level *= factor;
        self.deviations.rescale(factor);
        for square in [&mut self.rest, &mut self.pull] {
            *square = (f64::from(*square) * factor * factor) as f32;
        }
        self.turns.rescale(factor);
    }

    pub fn check(&self) -> Check {
        structure(
            self.period > 1.0
                && self.period <= MOST_ROWS
                && usize::from(self.slot) < SLOTS
                && self.periods > 0,
            "the length of its long season is out of range",
        )?;
        let sound = self.deviations.within(MOST_VALUE)
            && [self.sum, self.pull].iter().all(|x| within((*x).into(), MOST_SQUARES))
            && within(self.level, MOST_VALUE)
            && self.origin.is_finite()
            && up_to(self.rows.into(), MOST_ROWS)
            && within(self.share.into(), MOST_VALUE)
            && self.turns.sound()
            && up_to(self.rest.into(), MOST_SQUARES);
        number(sound, "a deviation of its long season is out of range")
    }
}
