//! Mean errors of the simple forecasts at one distance, and what they say together.

use super::{EXPERTS, JUMPED, LAST};
use crate::detector::check::{up_to, MOST_VALUE};
use crate::detector::numbers::{Brief, Short};
use serde::{Deserialize, Serialize};

/// Multiples of a mean error at which a single one is cut off: a wrong value does not make all forecasts alike.
const MOST_ERROR: f64 = 100.0;

/// A number as it is kept.
pub trait Kept: Copy + Default {
    fn keep(x: f64) -> Self;
    fn number(self) -> f64;
}

impl Kept for f64 {
    fn keep(x: f64) -> f64 {
        x
    }

    fn number(self) -> f64 {
        self
    }
}

impl Kept for Short {
    fn keep(x: f64) -> Short {
        Short::new(x)
    }

    fn number(self) -> f64 {
        self.get()
    }
}

impl Kept for Brief {
    fn keep(x: f64) -> Brief {
        Brief::new(x)
    }

    fn number(self) -> f64 {
        self.get()
    }
}

/// Mean absolute errors of each, and of the forecast that they make together, in the noise of the phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Errors<Number> {
    pub each: [Number; EXPERTS],
    pub together: Number,
}

impl<Number: Kept> Errors<Number> {
    /// Errors of the same forecasts, kept in another way.
    pub fn kept<Other: Kept>(&self) -> Errors<Other> {
        let keep = |x: Number| Other::keep(x.number());
        Errors { each: self.each.map(keep), together: keep(self.together) }
    }

    /// The mean of forecasts, weighed so that one that is a tenth worse than the best counts half. Where no jump comes, the
    /// last row counts once.
    pub fn mean(&self, forecasts: &[f64; EXPERTS]) -> f64 {
        let mut errors = self.each.map(Number::number);
        if forecasts[JUMPED] == forecasts[LAST] {
            errors[JUMPED] = f64::INFINITY;
        }
        let least = errors.into_iter().fold(f64::INFINITY, f64::min).max(f32::MIN_POSITIVE.into());
        let (mut sum, mut weights) = (0.0, 0.0);
        for (forecast, error) in forecasts.iter().zip(errors) {
            let fourth = (least / error.max(least)).powi(4);
            sum += fourth * fourth * forecast;
            weights += fourth * fourth;
        }
        sum / weights
    }

    /// Learns the value of a row at a phase of this relative noise, and its forecasts and what they said together; it makes
    /// up this share of the means.
    pub fn learn(&mut self, x: f64, forecasts: &[f64; EXPERTS], mean: f64, phase: f64, share: f64) {
        let learn = |kept: &mut Number, error: f64| {
            let before = kept.number();
            let error = if before > 0.0 { error.min(MOST_ERROR * before) } else { error };
            *kept = Number::keep(before + share * (error - before));
        };
        learn(&mut self.together, (x - mean).abs() / phase);
        for (mean, forecast) in self.each.iter_mut().zip(forecasts) {
            learn(mean, (x - forecast).abs());
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for x in self.each.iter_mut().chain([&mut self.together]) {
            *x = Number::keep(x.number() * factor);
        }
    }

    pub fn sound(&self) -> bool {
        self.each.iter().chain([&self.together]).all(|x| up_to(x.number(), MOST_VALUE))
    }
}

impl Errors<f64> {
    /// Errors that are greater by a factor where all are together.
    pub fn grown(self, factor: f64) -> Errors<f64> {
        Errors { together: self.together * factor, ..self }
    }

    /// Errors on the way to others, of which this share is gone, on the logarithmic scale.
    pub fn towards(&self, other: &Errors<f64>, share: f64) -> Errors<f64> {
        let between = |a: f64, b: f64| {
            let [a, b] = [a, b].map(|x| x.max(f32::MIN_POSITIVE.into()));
            a * (b / a).powf(share)
        };
        Errors {
            each: std::array::from_fn(|i| between(self.each[i], other.each[i])),
            together: between(self.together, other.together),
        }
    }
}
