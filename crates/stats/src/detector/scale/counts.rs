//! Rare events, as counts or as 0 and 1: how probable the next value is, given the mean of a segment.
//!
//! A model of normal noise misjudges them: a run of zeros would be a segment without noise. Their conjugate models need
//! only what segments keep, a mean and its weight: Gamma-Poisson, whose predictive distribution is negative binomial,
//! and Beta-Bernoulli.

use super::spread::Spread;
use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

/// Mean from which on counts are nearly normal.
const NEARLY_NORMAL: f64 = 5.0;
/// Share of the Poisson variance below which whole numbers are measurements, not counts.
const LEAST_DISPERSION: f64 = 0.5;
/// Events that the prior of a segment is worth: one makes the rate exponential, as when only its mean is known.
const PRIOR_EVENTS: f64 = 1.0;
/// Largest number of observations that the prior is worth: with more, a young segment would be read as the mean of all.
const MOST_PRIOR: f64 = 3.0;

/// The kind of numbers that all values so far were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values {
    /// 0 and 1 only.
    #[default]
    Binary,
    /// Whole numbers, none negative.
    Whole,
    /// Real numbers: anything else.
    Real,
}

impl Values {
    /// The kind after one more value.
    pub fn with(self, x: f64) -> Values {
        match self {
            Values::Binary if x == 0.0 || x == 1.0 => Values::Binary,
            Values::Binary | Values::Whole if x >= 0.0 && x.fract() == 0.0 => Values::Whole,
            _ => Values::Real,
        }
    }
}

/// A series of rare events.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    binary: bool,
    /// The size of one event in the detector's unit.
    one: f64,
    /// Events per row, over all rows, including those of the prior.
    rate: f64,
    /// Increase of the mean by the prior.
    added: f64,
    /// Variance of the values relative to that of such events.
    dispersion: f64,
}

impl Counts {
    /// A series of rare events, if the values so far look like one. Spread, `noise` (a variance) and `one` are in the
    /// detector's unit.
    pub fn new(values: Values, spread: &Spread, noise: f64, one: f64) -> Option<Counts> {
        // An event that has not happened yet is not impossible.
        let seen = spread.mean() / one;
        let rate = (seen * spread.rows() + PRIOR_EVENTS) / (spread.rows() + 2.0 * PRIOR_EVENTS);
        let binary = values == Values::Binary;
        let expected = if binary { rate * (1.0 - rate) } else { rate };
        let dispersion = noise / (one * one * expected);
        let rare = match values {
            Values::Binary => true,
            Values::Whole => rate < NEARLY_NORMAL && dispersion >= LEAST_DISPERSION,
            Values::Real => false,
        };
        rare.then_some(Counts { binary, one, rate, added: rate - seen, dispersion })
    }

    /// Observations that the prior of a segment is worth.
    pub fn prior(&self) -> f64 {
        let rate = if self.binary { self.rate.min(1.0 - self.rate) } else { self.rate };
        (PRIOR_EVENTS / rate).min(MOST_PRIOR)
    }

    /// Share of an event's evidence that a row is worth: less than 1 if events come in bursts.
    pub fn weight(&self) -> f64 {
        1.0 / self.dispersion.max(1.0)
    }

    /// Whether the values are 0 and 1, of which none can be an outlier.
    pub fn binary(&self) -> bool {
        self.binary
    }

    /// Density of a value after `rows` observations with this mean; the probability of a count is spread over the width
    /// of one event.
    pub fn density(&self, x: f64, mean: f64, rows: f64) -> f64 {
        let (x, added) = (x / self.one, self.prior() * self.added / rows);
        let rate = (mean / self.one + added).max(f64::MIN_POSITIVE);
        let probability = if self.binary {
            let rate = rate.min(1.0);
            if x > 0.5 {
                rate
            } else {
                1.0 - rate
            }
        } else {
            negative_binomial(x.round(), rate * rows, rows)
        };
        probability.max(f64::MIN_POSITIVE) / self.one
    }
}

/// Probability of a count whose rate is Gamma distributed.
fn negative_binomial(x: f64, shape: f64, rows: f64) -> f64 {
    let none = -shape * (1.0 / rows).ln_1p();
    if x == 0.0 {
        return none.exp();
    }
    (none + ln_gamma(shape + x) - ln_gamma(shape) - ln_gamma(x + 1.0) - x * rows.ln_1p()).exp()
}
