//! Simple forecasts weighed by how wrong each has been (prediction with expert advice), and how far rows have been from
//! what they say together.

use super::{Expectation, EXPERTS};
use crate::detector::check::{number, up_to, within, Check, MOST_VALUE};
use crate::detector::numbers::between;
use crate::detector::settings::Settings;
use serde::{Deserialize, Serialize};

/// Multiples of a mean error at which a single one is cut off: a wrong value does not make all forecasts alike.
const MOST_ERROR: f64 = 100.0;
/// Multiples of the mean difference between rows up to which the last one is taken as a direction.
const MOST_DIRECTION: f64 = 3.0;
/// The ratio of the normal distribution's 95 % interval to its mean error, with which the interval begins; and of its
/// mean error to its standard deviation.
const NORMAL_RATIO: f32 = 2.456;
const NORMAL_ERROR: f64 = 0.798;
/// The share of rows outside of the interval.
const OUTSIDE: f64 = 0.05;
/// The share of a mean error that one row makes up at first.
const FIRST: f64 = 0.2;

/// Errors of the simple forecasts, alone and together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experts {
    /// Mean absolute errors.
    errors: [f32; EXPERTS],
    /// The last row less the row before it, if that was no jump.
    direction: f32,
    /// Mean error of the forecast that they make together, in the noise of the phase; and how many times as great the
    /// interval is that holds 95 of 100 rows.
    error: f32,
    ratio: f32,
}

impl Default for Experts {
    fn default() -> Self {
        Experts { errors: [0.0; EXPERTS], direction: 0.0, error: 0.0, ratio: NORMAL_RATIO }
    }
}

impl Experts {
    /// The usual that they tell together: their mean, weighed so that one that is a tenth worse than the best counts half. `phase` is
    /// the relative noise of the row's phase, `noise` the standard deviation of the segment.
    pub fn usual(&self, forecasts: &[f64; EXPERTS], phase: f64, noise: f64) -> Expectation {
        let least = self.errors.iter().copied().fold(f32::INFINITY, f32::min).max(f32::MIN_POSITIVE);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (forecast, error) in forecasts.iter().zip(self.errors) {
            let fourth = f64::from(least / error.max(least)).powi(4);
            sum += fourth * fourth * forecast;
            weights += fourth * fourth;
        }
        let error = if self.error > 0.0 { f64::from(self.error) } else { NORMAL_ERROR * noise };
        Expectation { mean: sum / weights, reach: error * f64::from(self.ratio) * phase }
    }

    /// The last row less the row before it, if that was no jump.
    pub fn direction(&self) -> f64 {
        f64::from(self.direction)
    }

    /// Takes in a value, the `rows`-th, its forecasts, and what was usual for it at a phase of this relative noise.
    pub fn observe(
        &mut self,
        x: f64,
        forecasts: &[f64; EXPERTS],
        usual: Expectation,
        phase: f64,
        rows: f64,
        s: &Settings,
    ) {
        let share = (1.0 / rows.min(s.expert_memory)).min(FIRST);
        let learn = |mean: &mut f32, error: f64| {
            let before = f64::from(*mean);
            let error = if before > 0.0 { error.min(MOST_ERROR * before) } else { error };
            *mean = (before + share * (error - before)) as f32;
        };
        let error = (x - usual.mean).abs();
        let outside = f64::from(error > usual.reach);
        self.ratio = (f64::from(self.ratio) * (1.0 + s.ratio_step * (outside - OUTSIDE))) as f32;
        if self.error == 0.0 {
            self.error = (usual.reach / phase) as f32 / NORMAL_RATIO;
        }
        learn(&mut self.error, error / phase);
        for (mean, forecast) in self.errors.iter_mut().zip(forecasts) {
            learn(mean, (x - forecast).abs());
        }
        // The first forecast is the last row.
        let most = MOST_DIRECTION * f64::from(self.errors[0]);
        self.direction = between(x - forecasts[0], -most, most) as f32;
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for x in self.errors.iter_mut().chain([&mut self.direction, &mut self.error]) {
            *x = (f64::from(*x) * factor) as f32;
        }
    }

    pub fn check(&self) -> Check {
        let sound = self.errors.iter().chain([&self.error]).all(|x| up_to((*x).into(), MOST_VALUE))
            && within(self.direction.into(), MOST_VALUE)
            && (f32::MIN_POSITIVE.into()..=MOST_VALUE).contains(&f64::from(self.ratio));
        number(sound, "an error of its forecasts is out of range")
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
            let mut experts = Experts {
                errors: std::array::from_fn(|_| any() as f32),
                direction: any() as f32,
                error: any() as f32,
                ratio: any() as f32,
            };
            let forecasts = std::array::from_fn(|_| any());
            let (x, phase, noise, rows) = (any(), any(), any(), any());
            let usual = experts.usual(&forecasts, phase, noise);
            experts.observe(x, &forecasts, usual, phase, rows, &Settings::DEFAULT);
        }
    }
}
