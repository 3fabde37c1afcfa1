//! A simple forecast of the next value, and how wrong it was.

use crate::detector::check::{up_to, within, MOST_SQUARES, MOST_VALUE};
use crate::detector::numbers::Short;
use serde::{Deserialize, Serialize};

/// Mean squared error of a forecast; errors are cut off, so that jumps do not decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SquaredError(Short);

impl SquaredError {
    pub fn get(self) -> f64 {
        self.0.get()
    }

    /// Takes in how far a value was from its forecast, as the last of these rows.
    pub fn learn(&mut self, off: f64, rows: f64) {
        self.0 = Short::new(self.get() + (off * off - self.get()) / rows);
    }

    pub fn rescale(&mut self, factor: f64) {
        self.0 = Short::new(self.get() * factor * factor);
    }

    pub fn sound(self) -> bool {
        up_to(self.get(), MOST_SQUARES)
    }
}

/// A forecast that the last value changes by so much: to the mean of the last rows, or by what it drifts in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    by: Short,
    pub error: SquaredError,
}

impl Outlook {
    pub fn by(&self) -> f64 {
        self.by.get()
    }

    pub fn set(&mut self, by: f64) {
        self.by = Short::new(by);
    }

    pub fn rescale(&mut self, factor: f64) {
        self.set(self.by() * factor);
        self.error.rescale(factor);
    }

    pub fn sound(&self) -> bool {
        within(self.by(), MOST_VALUE) && self.error.sound()
    }
}
