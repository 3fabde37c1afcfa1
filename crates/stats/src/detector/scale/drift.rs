//! The drift of a series that goes one way, as a counter does: the last value and the mean of the last differences.
//!
//! Such a mean is the better the more rows it is of, unless the drift bends, as on a smooth curve. A long and a short mean
//! tell the two apart: the short one has more of the noise, the long one lags behind a bend.

use super::outlook::Outlook;
use crate::detector::numbers::between;
use serde::{Deserialize, Serialize};

/// Steps that the means of the differences are of; what is between is a drift that bends a little.
pub const LONG_STEPS: f64 = 40.0;
const SHORT_STEPS: f64 = 5.0;

/// A long and a short mean of the last differences, and how wrong each has been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    long: Outlook,
    short: Outlook,
    /// The place of the last value.
    place: f64,
}

/// The steps of the mean difference that forecasts best, and the variance of what it forecasts.
#[derive(Clone, Copy, Debug)]
pub struct BestDrift {
    pub steps: f64,
    pub variance: f64,
}

impl Drift {
    /// Takes in a value at a place in steps, this far from the one before, after `rows` others; before the
    /// first there is none. Errors are cut off at `reach`.
    pub fn observe(&mut self, difference: f64, place: f64, rows: f64, reach: f64) {
        let steps = place - std::mem::replace(&mut self.place, place);
        if rows == 0.0 {
            return;
        }
        for (mean, most) in [(&mut self.long, LONG_STEPS), (&mut self.short, SHORT_STEPS)] {
            let off = between(difference - mean.by() * steps, -reach, reach);
            mean.error.learn(off, rows);
            // A gap of many steps says as much of the drift as all of them.
            mean.set(mean.by() + off / rows.min(most).max(steps));
        }
    }

    /// The mean between the long one and the short one that forecasts best.
    ///
    /// A running mean of `n` steps has a variance of `1 / (2 n - 1)` of that of the noise, and lags behind a bend by a distance
    /// that grows with `n`. Both errors together tell the noise and the lag, and these the `n` of the least error.
    pub fn best(&self) -> BestDrift {
        let (long, short) = (self.long.error.get(), self.short.error.get());
        let forecast = |steps: f64| 1.0 + 1.0 / (2.0 * steps - 1.0);
        let lags = |steps: f64| (steps / LONG_STEPS).powi(2);
        let noise = (short - lags(SHORT_STEPS) * long)
            / (forecast(SHORT_STEPS) - lags(SHORT_STEPS) * forecast(LONG_STEPS));
        let lag = long - noise * forecast(LONG_STEPS);
        if lag <= 0.0 {
            return BestDrift { steps: LONG_STEPS, variance: long };
        }
        let best = (LONG_STEPS * LONG_STEPS * noise.max(0.0) / (4.0 * lag)).cbrt();
        let steps = between(best, SHORT_STEPS, LONG_STEPS);
        let variance = noise * forecast(steps) + lag * lags(steps);
        BestDrift { steps, variance: between(variance, 0.0, long) }
    }

    pub fn rescale(&mut self, factor: f64) {
        self.long.rescale(factor);
        self.short.rescale(factor);
    }

    pub fn sound(&self) -> bool {
        self.long.sound() && self.short.sound() && self.place.is_finite()
    }
}
