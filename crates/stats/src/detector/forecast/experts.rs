//! Simple forecasts weighed by how wrong each has been (prediction with expert advice), and how far rows have been from
//! what they say together.

use super::errors::Errors;
use super::far::{Far, DISTANCES};
use super::moments::Moments;
use super::{Expectation, Known, EXPERTS, JUMPED, LAST};
use crate::detector::check::{number, within, Check, MOST_VALUE};
use crate::detector::numbers::{between, Count, Short};
use crate::detector::settings::Settings;
use serde::{Deserialize, Serialize};

/// Multiples of the mean difference between rows up to which the last one is taken as a direction.
const MOST_DIRECTION: f64 = 3.0;
/// The ratio of the normal distribution's 95 % interval to its mean error, with which the interval begins; and of its
/// mean error to its standard deviation.
const NORMAL_RATIO: f64 = 2.456;
const NORMAL_ERROR: f64 = 0.798;
/// The least ratio: where all rows are as they were forecast, it would go to 0.
const LEAST_RATIO: f64 = 1e-6;
/// The share of rows outside of the interval.
const OUTSIDE: f64 = 0.05;
/// The share of a mean error that one row makes up at first.
const FIRST: f64 = 0.2;
/// The greatest power of the distance with which errors grow, beyond the distances that are known: that of a random walk.
const WALK: f64 = 0.5;

/// Errors of the simple forecasts, alone and together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experts {
    /// Errors one row ahead, and farther.
    near: Errors<Short>,
    far: [Far; DISTANCES.len()],
    /// The last row less the row before it, if that was no jump.
    direction: Short,
    /// The reach of the interval that holds 95 of 100 rows, in mean errors.
    ratio: Short,
    moments: Moments,
    /// Rows since the last that the jumps did not make.
    repeated: Count,
}

/// A row that was forecast: its forecasts, and what was usual for it.
#[derive(Clone, Copy, Debug)]
pub struct Forecasted {
    pub known: Known,
    pub forecasts: [f64; EXPERTS],
    pub usual: Expectation,
    /// The relative noise of its phase.
    pub phase: f64,
    /// The phases of the row before and of this one, if it comes less than a period later.
    pub phases: Option<[f64; 2]>,
    /// Steps since the row before, and rows in all.
    pub steps: f64,
    pub rows: f64,
}

impl Default for Experts {
    fn default() -> Self {
        let ratio = Short::new(NORMAL_RATIO);
        let near = Errors::default();
        let (direction, far) = Default::default();
        let (moments, repeated) = Default::default();
        Experts { near, far, direction, ratio, moments, repeated }
    }
}

impl Experts {
    /// The usual for the next row. `phase` is the relative noise of the row's phase, `noise` the standard deviation of the
    /// segment.
    pub fn usual(&self, known: &Known, forecasts: &[f64; EXPERTS], phase: f64, noise: f64) -> Expectation {
        self.expectation(known.repeats, &self.near.kept(), forecasts, phase, noise)
    }

    fn expectation(
        &self,
        repeats: bool,
        errors: &Errors<f64>,
        forecasts: &[f64; EXPERTS],
        phase: f64,
        noise: f64,
    ) -> Expectation {
        let error = if errors.together > 0.0 { errors.together } else { NORMAL_ERROR * noise };
        let mean = if repeats { forecasts[JUMPED] } else { errors.mean(forecasts) };
        Expectation { mean, reach: error * self.ratio.get() * phase }
    }

    /// The usual for a row this many steps ahead, after this many rows.
    pub fn usual_ahead(&self, known: &Known, ahead: f64, phase: f64, noise: f64, rows: f64) -> Expectation {
        let (errors, growth) = self.errors_ahead(known, ahead, rows);
        let usual = self.expectation(known.repeats, &errors, &known.forecasts(ahead), phase, noise);
        Expectation { reach: usual.reach * growth, ..usual }
    }

    /// Errors this many steps ahead, and the factor by which that of all together is greater.
    fn errors_ahead(&self, known: &Known, ahead: f64, rows: f64) -> (Errors<f64>, f64) {
        let near = (1.0, self.near.kept());
        if ahead <= 1.0 {
            return (near.1, 1.0);
        }
        let (mut nearer, mut farther, mut wider) = (near, near, 1.0);
        for (far, steps) in self.far.iter().zip(DISTANCES) {
            let Some((errors, few)) = far.errors().filter(|_| ahead > farther.0) else { break };
            (nearer, farther, wider) = (farther, (steps, errors), 1.0 + few);
        }
        if farther.0 == 1.0 {
            return (near.1, known.growth(ahead, rows));
        }
        let distance = (farther.0 / nearer.0).ln();
        let share = (ahead / nearer.0).ln() / distance;
        let errors = nearer.1.towards(&farther.1, share.min(1.0));
        let least = f64::from(f32::MIN_POSITIVE);
        let power = (farther.1.together.max(least) / nearer.1.together.max(least)).ln() / distance;
        let beyond = (ahead / farther.0).max(1.0).powf(between(power, 0.0, WALK));
        (errors, wider * beyond)
    }

    /// The last row less the row before it, if that was no jump.
    pub fn direction(&self) -> f64 {
        self.direction.get()
    }

    /// Takes in a value that was forecast.
    pub fn observe(&mut self, x: f64, row: &Forecasted, s: &Settings) {
        let Forecasted { known, forecasts, usual, phase, phases, steps, rows } = row;
        let share = (1.0 / rows.min(s.expert_memory)).min(FIRST);
        let outside = f64::from((x - usual.mean).abs() > usual.reach);
        let ratio = self.ratio.get() * (1.0 + s.ratio_step * (outside - OUTSIDE));
        self.ratio = Short::new(ratio.max(LEAST_RATIO));
        if self.near.together == Short::default() {
            self.near.together = Short::new(usual.reach / phase / NORMAL_RATIO);
        }
        self.near.learn(x, forecasts, usual.mean, *phase, share);
        let (mut shorter, mut distance): (Errors<f64>, f64) = (self.near.kept(), 1.0);
        for (far, ahead) in self.far.iter_mut().zip(DISTANCES) {
            far.observe(x, *steps, *phase, || {
                shorter.grown(known.growth(ahead, *rows) / known.growth(distance, *rows))
            });
            if let Some((errors, _)) = far.errors() {
                (shorter, distance) = (errors, ahead);
            }
        }
        let (mean, jump) = (self.near.each[LAST].get(), x - forecasts[LAST]);
        let most = MOST_DIRECTION * mean;
        self.direction = Short::new(between(jump, -most, most));
        let repeated =
            phases.is_some_and(|[before, now]| self.moments.learn(before, now, jump, mean * phase.max(1.0)));
        self.repeated = Count::new(if repeated { self.repeated.get() + 1.0 } else { 0.0 });
    }

    /// The jumps that come in each period.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Whether these jumps alone have made all rows of a period, of which a step is this share.
    pub fn repeats(&self, step: f64) -> bool {
        step <= 1.0 && self.repeated.get() * step >= 1.0
    }

    /// The distances of which no row is awaited.
    pub fn idle(&self) -> impl Iterator<Item = f64> {
        let idle = self.far.each_ref().map(|far| !far.waits());
        DISTANCES.into_iter().zip(idle).filter_map(|(ahead, idle)| idle.then_some(ahead))
    }

    /// Keeps the forecasts of the row this many steps ahead, one of the distances.
    pub fn await_row(&mut self, ahead: f64, known: &Known) {
        for (far, _) in self.far.iter_mut().zip(DISTANCES).filter(|(_, distance)| *distance == ahead) {
            far.begin(ahead, known.forecasts(ahead));
        }
    }

    /// Begins again with rows farther ahead: errors of the time before a season was known say nothing.
    pub fn know_season(&mut self) {
        self.far = Default::default();
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.near.rescale(factor);
        self.far.iter_mut().for_each(|far| far.rescale(factor));
        self.direction = Short::new(self.direction.get() * factor);
        self.moments.rescale(factor);
    }

    pub fn check(&self) -> Check {
        let sound = self.near.sound()
            && self.far.iter().all(Far::sound)
            && within(self.direction.get(), MOST_VALUE)
            && (f32::MIN_POSITIVE.into()..=MOST_VALUE).contains(&self.ratio.get());
        number(sound, "an error of its forecasts is out of range")?;
        self.moments.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn no_numbers_make_them_panic() {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        for _ in 0..100_000 {
            // Any bits: one number in a thousand is not finite, and some more are here.
            let mut any = || match rng.random_range(0..9) {
                0 => f64::NAN,
                1 => f64::INFINITY,
                _ => f64::from_bits(rng.random()),
            };
            let mut experts =
                Experts { direction: Short::new(any()), ratio: Short::new(any()), ..Experts::default() };
            for _ in 0..3 {
                let mut known = Known::default();
                let numbers =
                    [&mut known.level, &mut known.learnt, &mut known.last, &mut known.calm, &mut known.kept];
                numbers.into_iter().for_each(|number| *number = any());
                experts.idle().for_each(|ahead| experts.await_row(ahead, &known));
                let (x, phase, noise, rows, steps) = (any(), any(), any(), any(), any());
                let forecasts = std::array::from_fn(|_| any());
                let usual = experts.usual(&known, &forecasts, phase, noise);
                let phases = Some([any(), any()]);
                experts.usual_ahead(&known, any(), phase, noise, rows);
                experts.observe(
                    x,
                    &Forecasted { known, forecasts, usual, phase, phases, steps, rows },
                    &Settings::DEFAULT,
                );
            }
        }
    }
}
