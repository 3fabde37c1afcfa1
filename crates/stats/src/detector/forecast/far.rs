//! Forecasts of a row farther ahead: they are kept until it comes and tells how wrong each was.

use super::errors::Errors;
use super::EXPERTS;
use crate::detector::check::{within, MOST_VALUE};
use crate::detector::numbers::{Brief, Count};
use serde::{Deserialize, Serialize};

/// Steps ahead. Errors of distances between are between.
pub const DISTANCES: [f64; 2] = [8.0, 64.0];
/// Forecasts that the errors remember, and as how many those of a shorter distance count at first.
const MEMORY: f64 = 20.0;
const PRIOR: f64 = 2.0;
/// Parts of a step in which its time is measured, and those by which a row may come too early or too late.
const PARTS: f64 = 256.0;
const OFF: f64 = PARTS / 2.0;

/// The errors of forecasts of one distance, and those that wait for their row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Far {
    /// Time until the row comes, in parts of a step; 0 while none is awaited.
    left: Count,
    /// The first forecast, and how much greater the others are.
    first: f64,
    others: [Brief; EXPERTS - 1],
    /// Forecasts that were compared with their rows.
    compared: u8,
    errors: Errors<Brief>,
}

impl Far {
    /// The errors, and by what share the interval has to be wider as few forecasts tell them; none before there are any.
    pub fn errors(&self) -> Option<(Errors<f64>, f64)> {
        (self.compared > 0).then(|| (self.errors.kept(), self.share()))
    }

    /// The share of a mean error that one row makes up.
    fn share(&self) -> f64 {
        1.0 / (f64::from(self.compared) + PRIOR).min(MEMORY)
    }

    /// Whether a row is awaited.
    pub fn waits(&self) -> bool {
        self.left.get() > 0.0
    }

    /// Keeps the forecasts of the row this many steps ahead.
    pub fn begin(&mut self, steps: f64, forecasts: [f64; EXPERTS]) {
        self.left = Count::new(steps * PARTS);
        self.first = forecasts[0];
        self.others = std::array::from_fn(|i| Brief::new(forecasts[i + 1] - self.first));
    }

    /// Takes in a value, this many steps after the last one, at a phase of this relative noise. At first the errors are those
    /// of a shorter distance.
    pub fn observe(&mut self, x: f64, steps: f64, phase: f64, shorter: impl Fn() -> Errors<f64>) {
        if !self.waits() {
            return;
        }
        let left = (self.left.get() - steps * PARTS).round();
        self.left = Count::new(left);
        if left > OFF {
            return;
        }
        self.left = Count::default();
        if left < -OFF {
            return;
        }
        if self.compared == 0 {
            self.errors = shorter().kept();
        }
        let mut forecasts = [self.first; EXPERTS];
        for (forecast, more) in forecasts[1..].iter_mut().zip(self.others) {
            *forecast += more.get();
        }
        let mean = self.errors.mean(&forecasts);
        self.compared = self.compared.saturating_add(1);
        self.errors.learn(x, &forecasts, mean, phase, self.share());
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.errors.rescale(factor);
        self.first *= factor;
        self.others = self.others.map(|x| Brief::new(x.get() * factor));
    }

    pub fn sound(&self) -> bool {
        self.errors.sound()
            && within(self.first, MOST_VALUE)
            && self.others.iter().all(|x| within(x.get(), MOST_VALUE))
    }
}
