//! The tail of a score over the series' own past: its 99 % quantile and an exponential tail beyond.

use crate::detector::check::{number, up_to, Check, MOST_VALUE};
use crate::detector::numbers::Short;
use crate::detector::settings::Settings;
use serde::{Deserialize, Serialize};

/// Mean excess over the 99 % quantile of normal noise, in the scale of [`super`].
const NORMAL_EXCESS: f64 = 0.14;
/// The largest step of the running quantile, and the number of rows in which it shrinks.
const FIRST_STEP: f64 = 0.5;
const SHRINKING: f64 = 20.0;
const LEAST_QUANTILE: f64 = 1e-3;
const LEAST_EXCESS: f64 = 1e-9;

/// Running quantile and mean excess.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tail {
    quantile: Short,
    excess: Short,
    /// Exceedances, as far as they count.
    exceeded: u8,
}

impl Default for Tail {
    fn default() -> Self {
        Tail { quantile: Short::new(1.0), excess: Short::new(NORMAL_EXCESS), exceeded: 0 }
    }
}

impl Tail {
    /// About -log10 of the probability of a score at least as great: 2 at the quantile.
    pub fn score(&self, strength: f64) -> f64 {
        let quantile = self.quantile.get();
        if strength <= quantile {
            return 2.0 * strength / quantile;
        }
        2.0 + (strength - quantile) / self.excess.get().max(LEAST_EXCESS) / std::f64::consts::LN_10
    }

    /// Takes in a score; `rows` is the number of scores before.
    pub fn observe(&mut self, strength: f64, rows: f64, s: &Settings) {
        let quantile = self.quantile.get();
        let step = s.tail_rate.max(SHRINKING / (rows + 10.0)).min(FIRST_STEP);
        if strength > quantile {
            self.exceeded = self.exceeded.saturating_add(1);
            let excess = self.excess.get();
            let share = 1.0 / (f64::from(self.exceeded) + s.tail_prior).min(s.tail_memory);
            let far = (strength - quantile).min(s.tail_clip * excess);
            self.excess = Short::new(excess + share * (far - excess));
            let next = quantile * (1.0 + 0.99 * step);
            // Not beyond what was seen, as long as the steps are large; then ahead of strengths that rise slowly.
            self.quantile = Short::new(if step > s.tail_rate { next.min(strength) } else { next });
        } else {
            self.quantile = Short::new((quantile * (1.0 - 0.01 * step)).max(LEAST_QUANTILE));
        }
    }

    pub fn check(&self) -> Check {
        let [quantile, excess] = [self.quantile.get(), self.excess.get()];
        let sound = quantile > 0.0 && up_to(quantile, MOST_VALUE) && up_to(excess, MOST_VALUE);
        number(sound, "the tail of its surprises is out of range")
    }
}
