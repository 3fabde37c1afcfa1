//! Numbers in fewer bytes, narrowed without becoming 0 or infinite.
//!
//! A sum of squares that became 0 or infinite when it is stored would lead to a division by 0 or infinity in the next
//! row.

use super::check::up_to;
use serde::{Deserialize, Serialize};

/// The doubt that is no longer told from none.
const LEAST_DOUBT: f64 = 1e-7;

/// The nearest finite number in single precision.
pub fn single(x: f64) -> f32 {
    x.clamp(-f64::from(f32::MAX), f64::from(f32::MAX)) as f32
}

/// The nearest positive number in single precision.
pub fn positive(x: f64) -> f32 {
    x.clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX)) as f32
}

/// The nearest finite double: reports contain no NaN and no infinity.
pub fn bounded(x: f64) -> f64 {
    x.clamp(f64::MIN, f64::MAX)
}

/// A number between two others, whatever they are: unlike `clamp` without a panic, should a bound be no number.
#[inline]
pub fn between(x: f64, least: f64, most: f64) -> f64 {
    x.max(least).min(most)
}

/// A number in two bytes, for quantities that are only reported: the upper half of a single-precision number, rounded
/// to nearest. Three significant digits, the range of single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief([u8; 2]);

impl Brief {
    pub fn new(x: f64) -> Brief {
        let bits = (x as f32).clamp(-3e38, 3e38).to_bits();
        Brief((((bits + 0x8000) >> 16) as u16).to_be_bytes())
    }

    pub fn get(self) -> f64 {
        f64::from(f32::from_bits(u32::from(u16::from_be_bytes(self.0)) << 16))
    }

    /// Whether the number is finite and not negative.
    pub fn known(self) -> bool {
        up_to(self.get(), f64::from(f32::MAX))
    }
}

/// Log odds of a probability in two bytes: where it is near 1, the doubt has three significant digits of its logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOdds(Brief);

impl LogOdds {
    /// Log odds of the least and of the greatest probability.
    pub const NEVER: LogOdds = LogOdds(Brief([0xc1, 0x81]));
    pub const CERTAIN: LogOdds = LogOdds(Brief([0x41, 0x81]));

    pub fn of(probability: f64) -> LogOdds {
        let p = if probability > LEAST_DOUBT { probability.min(1.0 - LEAST_DOUBT) } else { LEAST_DOUBT };
        LogOdds(Brief::new(p.ln() - (-p).ln_1p()))
    }

    pub fn get(self) -> f64 {
        self.0.get()
    }

    /// The probability.
    pub fn probability(self) -> f64 {
        1.0 / (1.0 + (-self.get()).exp())
    }

    pub fn max(self, other: LogOdds) -> LogOdds {
        if other.get() > self.get() {
            other
        } else {
            self
        }
    }

    /// Whether the number is one that a probability has.
    pub fn sound(self) -> bool {
        self.get().abs() <= LogOdds::CERTAIN.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_odds_are_those_of_probabilities() {
        assert_eq!([LogOdds::of(0.0), LogOdds::of(1.0)], [LogOdds::NEVER, LogOdds::CERTAIN]);
        assert_eq!(LogOdds::of(f64::NAN), LogOdds::NEVER);
        for p in [0.01, 0.5, 0.9, 0.999, 0.99999] {
            assert!((LogOdds::of(p).probability() - p).abs() < 0.02 * (1.0 - p), "{p}");
        }
    }
}
