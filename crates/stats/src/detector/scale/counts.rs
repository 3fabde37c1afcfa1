//! Rare events, as counts or as 0 and 1: how probable the next value is, given the mean of a segment.
//!
//! A model of normal noise misjudges them: a run of zeros would be a segment without noise. Their conjugate models need
//! only what segments keep, a mean and its weight: Gamma-Poisson, whose predictive distribution is negative binomial,
//! and Beta-Bernoulli.

use super::spread::Spread;
use crate::detector::check::{number, Check};
use crate::detector::functions::{exp, ln};
use crate::detector::vector::{quotient, Vector};
use fearless_simd::{dispatch, f64x2, Level, SimdBase};
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
/// Observations that it is worth for flags: as a prior for their share that knows nothing.
const PRIOR_FLAGS: f64 = 1.0;
/// Standard deviations of the prior beyond which a segment begins with another: a distant rate would pass for outliers.
const REACH: f64 = 10.0;
/// Distance from a multiple, relative to it, that rounding explains; and the greatest multiple of an event that is told
/// from any other number.
const CLOSE: f64 = 1e-9;
const MOST_EVENTS: f64 = 1e6;
/// Events that are told from none one by one.
const FACTORS: f64 = 32.0;
/// Share of zeros from which on other numbers are the sizes of events.
const SPARSE: f64 = 0.5;

/// The kind of numbers that all values so far were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum NumberKind {
    /// 0 and one other number.
    #[default]
    Binary,
    /// Multiples of a number, none of the other sign.
    Multiples,
    /// 0 and numbers of one sign, such as the sums of purchases.
    Sizes,
    /// Numbers of any other kind.
    Real,
}

/// Traits that all values so far have in common: whether they are multiples of the size of an event. Whole numbers are, and so
/// are counts that were turned into a rate or a cost, or have a minus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Values {
    kind: NumberKind,
    /// The size of one event; 0 before the first.
    one: f64,
    /// The share of zeros.
    zeros: f32,
}

impl Values {
    /// Traits in common after one more value, the `rows`-th.
    pub fn with(self, x: f64, rows: f64) -> Values {
        let zeros = f64::from(self.zeros);
        let zeros = (zeros + (f64::from(x == 0.0) - zeros) / rows) as f32;
        let Values { mut kind, mut one, .. } = self;
        if one == 0.0 {
            one = x;
        } else if x != 0.0 && x != one && kind != NumberKind::Real {
            let events = x / one;
            if events < 0.0 {
                kind = NumberKind::Real;
            } else if kind != NumberKind::Sizes {
                let whole = (events - events.round()).abs() <= CLOSE * events;
                let shared = if whole { Some(one) } else { common(x, one) };
                kind = if shared.is_some() { NumberKind::Multiples } else { NumberKind::Sizes };
                one = shared.unwrap_or(one);
            }
        }
        Values { kind, one, zeros }
    }

    /// Whether the values may be those of rare events.
    pub fn countable(&self) -> bool {
        match self.kind {
            NumberKind::Binary | NumberKind::Multiples => true,
            NumberKind::Sizes => f64::from(self.zeros) >= SPARSE,
            NumberKind::Real => false,
        }
    }

    /// The mean size of events of different sizes, if the values are such; their mean is given.
    pub fn size(&self, mean: f64) -> Option<f64> {
        let size = mean / (1.0 - f64::from(self.zeros));
        (self.kind == NumberKind::Sizes && self.countable() && size.is_normal()).then_some(size)
    }

    /// The size of one event.
    fn one(&self) -> f64 {
        if self.one == 0.0 {
            1.0
        } else {
            self.one
        }
    }

    /// The range of such values, whose mean is given.
    pub fn range(&self, mean: f64, rows: f64) -> (f64, f64) {
        let one = self.one();
        match self.kind {
            NumberKind::Binary if self.flags(mean / one, rows) => (one.min(0.0), one.max(0.0)),
            NumberKind::Binary | NumberKind::Multiples if one > 0.0 && one.fract() == 0.0 => (0.0, f64::MAX),
            _ => (f64::MIN, f64::MAX),
        }
    }

    /// Whether the values are flags, if they are 0 and another number; `mean` of the rows is in this number. 1 is one from
    /// the beginning, another number when it has come twice, and 0 as well.
    fn flags(&self, mean: f64, rows: f64) -> bool {
        self.one() == 1.0 || mean < 1.0 && mean * rows > 1.5
    }

    pub fn check(&self) -> Check {
        let sound = self.one.is_finite() && (0.0..=1.0).contains(&self.zeros);
        number(sound, "the size of its events is out of range")
    }
}

/// The greatest number of which both are multiples, with the sign of the first. None if it is too small beside them for
/// rounding errors to be told from remainders, unless both are whole.
fn common(x: f64, y: f64) -> Option<f64> {
    let (mut a, mut b) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    let whole = x.fract() == 0.0 && y.fract() == 0.0;
    let (close, least) = if whole { (0.0, 0.0) } else { (CLOSE * a, a / MOST_EVENTS) };
    loop {
        let rest = a % b;
        if rest.min(b - rest) <= close {
            return Some(b.copysign(x));
        }
        (a, b) = (b, rest);
        if b <= least {
            return None;
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
    /// A series of rare events, if the values so far look like one. Spread and `noise` (a variance) are in the detector's
    /// unit, which is `unit` of the values'.
    pub fn new(values: Values, spread: &Spread, noise: f64, unit: f64) -> Option<Counts> {
        let size = values.size(spread.mean());
        let one = size.unwrap_or(values.one() / unit);
        // An event that has not happened yet is not impossible.
        let seen = spread.mean() / one;
        let rate = (seen * spread.rows() + PRIOR_EVENTS) / (spread.rows() + 2.0 * PRIOR_EVENTS);
        let binary = values.kind == NumberKind::Binary || size.is_some();
        let expected = if binary { rate * (1.0 - rate) } else { rate };
        let dispersion = noise / (one * one * expected);
        let rare = match values.kind {
            NumberKind::Binary => values.flags(seen, spread.rows()),
            NumberKind::Multiples => rate < NEARLY_NORMAL && dispersion >= LEAST_DISPERSION,
            NumberKind::Sizes => size.is_some(),
            NumberKind::Real => false,
        };
        rare.then_some(Counts { binary, one, rate, added: rate - seen, dispersion })
    }

    /// Observations that the prior of a segment is worth.
    pub fn prior(&self) -> f64 {
        if self.binary {
            return PRIOR_FLAGS;
        }
        (PRIOR_EVENTS / self.rate).min(MOST_PRIOR)
    }

    /// Observations that the prior of a segment is worth which begins this far from the mean: few enough to reach it.
    pub fn prior_at(&self, distance: f64) -> f64 {
        if self.binary {
            return self.prior();
        }
        let events = distance / (REACH * self.one);
        self.prior().min(self.rate / (events * events))
    }

    /// Share of an event's evidence that a row is worth: less than 1 if events come in bursts.
    pub fn weight(&self) -> f64 {
        1.0 / self.dispersion.max(1.0)
    }

    /// Whether the values are 0 and 1, of which none can be an outlier.
    pub fn binary(&self) -> bool {
        self.binary
    }

    /// Densities of a value after `rows` observations with this mean; the probability of a count is spread over the
    /// width of one event.
    #[inline(always)]
    pub fn density<V: Vector>(&self, x: f64, mean: V, rows: V) -> V {
        let least = f64::MIN_POSITIVE;
        let (x, added) = (x / self.one, quotient(self.prior() * self.added, rows));
        let rate = (mean / self.one + added).max(least);
        let probability = if self.binary {
            let rate = rate.min(1.0);
            if x > 0.5 {
                rate
            } else {
                V::splat(rate.token(), 1.0) - rate
            }
        } else {
            negative_binomial(x.round(), rate * rows, rows)
        };
        probability.max(least) / self.one.abs()
    }

    /// Density of a value after observations with one mean, with the same bits.
    pub fn density_of(&self, x: f64, mean: f64, rows: f64) -> f64 {
        dispatch!(Level::baseline(), simd => {
            self.density(x, f64x2::splat(simd, mean), f64x2::splat(simd, rows))[0]
        })
    }
}

/// Probabilities of a count whose rate is Gamma distributed.
#[inline(always)]
fn negative_binomial<V: Vector>(x: f64, shape: V, rows: V) -> V {
    let none = -shape * ln(quotient(1.0, rows) + 1.0);
    if x <= FACTORS {
        let (mut probability, mut events) = (exp(none), 0.0);
        while events < x {
            probability *= (shape + events) / ((rows + 1.0) * (events + 1.0));
            events += 1.0;
        }
        return probability;
    }
    let gamma = |i| ln_gamma(shape[i] + x) - ln_gamma(shape[i]) - ln_gamma(x + 1.0);
    exp(none + V::from_fn(rows.token(), gamma) - ln(rows + 1.0) * x)
}
