//! Numbers that are stored in fewer bytes, narrowed without becoming 0 or infinite.
//!
//! In memory they are as they are computed with, so that bytes are put together only where a state is stored or read.
//!
//! A sum of squares that became 0 or infinite when it is stored would lead to a division by 0 or infinity in the next
//! row.

use super::check::up_to;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The doubt that is no longer told from none.
const LEAST_DOUBT: f64 = 1e-7;
/// The greatest number whose upper half, rounded, is finite.
const MOST_COARSE: f64 = 1.797e308;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brief(u32);

impl Brief {
    pub fn new(x: f64) -> Brief {
        let bits = (x as f32).clamp(-3e38, 3e38).to_bits();
        Brief((bits + 0x8000) & !0xffff)
    }

    pub fn get(self) -> f64 {
        f64::from(f32::from_bits(self.0))
    }

    /// Whether the number is finite and not negative.
    pub fn known(self) -> bool {
        up_to(self.get(), f64::from(f32::MAX))
    }
}

/// A number in three bytes, for means of a few hundred rows and for odds: the upper ones of a single-precision number, rounded
/// to nearest. Nearly five significant digits, the range of single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Short(u32);

impl Short {
    pub fn new(x: f64) -> Short {
        let bits = (x as f32).clamp(-3e38, 3e38).to_bits();
        Short(bits.wrapping_add(0x80) & !0xff)
    }

    pub fn get(self) -> f64 {
        f64::from(f32::from_bits(self.0))
    }
}

/// A number in four bytes, for quantities of any range that are only reported: the upper half of a double, rounded to
/// nearest. Six significant digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coarse([u8; 4]);

impl Coarse {
    pub fn new(x: f64) -> Coarse {
        let bits = x.clamp(-MOST_COARSE, MOST_COARSE).to_bits();
        Coarse((((bits + (1 << 31)) >> 32) as u32).to_be_bytes())
    }

    pub fn get(self) -> f64 {
        f64::from_bits(u64::from(u32::from_be_bytes(self.0)) << 32)
    }
}

/// A number of rows in two bytes, for as many as are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count(u16);

impl Count {
    pub fn new(rows: f64) -> Count {
        Count(rows as u16)
    }

    pub fn get(self) -> f64 {
        self.0.into()
    }
}

/// The stored form of a number: the first bytes of its bits, the most significant one first.
macro_rules! stored_in {
    ($number:ident, $bits:ty, $bytes:literal) => {
        impl Serialize for $number {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let bits = self.0.to_be_bytes();
                <[u8; $bytes]>::serialize(&std::array::from_fn(|i| bits[i]), serializer)
            }
        }

        impl<'a> Deserialize<'a> for $number {
            fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
                let bytes = <[u8; $bytes]>::deserialize(deserializer)?;
                let mut bits = <$bits>::default().to_be_bytes();
                bits[..$bytes].copy_from_slice(&bytes);
                Ok($number(<$bits>::from_be_bytes(bits)))
            }
        }
    };
}

stored_in!(Brief, u32, 2);
stored_in!(Short, u32, 3);
stored_in!(Count, u16, 2);

/// Times in eight bytes: those of our days would else take one more, for their length.
pub mod time {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        at.to_be_bytes().serialize(serializer)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<i64, D::Error> {
        <[u8; 8]>::deserialize(deserializer).map(i64::from_be_bytes)
    }
}

/// Log odds of a probability in two bytes: where it is near 1, the doubt has three significant digits of its logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOdds(Brief);

impl LogOdds {
    /// Log odds of the least and of the greatest probability.
    pub const NEVER: LogOdds = LogOdds(Brief(0xc181_0000));
    pub const CERTAIN: LogOdds = LogOdds(Brief(0x4181_0000));

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
    fn coarse_numbers_have_six_digits_and_any_range() {
        for x in [0.0, 1e-300, 0.1, 123456.7, -1e300] {
            assert!((Coarse::new(x).get() - x).abs() <= 5e-7 * x.abs(), "{x}");
        }
        for x in [f64::MAX, f64::MIN] {
            assert!(Coarse::new(x).get().is_finite() && (Coarse::new(x).get() / x - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn short_numbers_have_nearly_five_digits_and_the_range_of_single_precision() {
        for x in [0.0, 1e-30, 0.1, 123456.7, -1e30] {
            assert!((Short::new(x).get() - x).abs() <= 1.6e-5 * x.abs(), "{x}");
        }
        assert!([f64::MAX, f64::MIN].iter().all(|x| Short::new(*x).get().is_finite()));
    }

    #[test]
    fn log_odds_are_those_of_probabilities() {
        assert_eq!([LogOdds::of(0.0), LogOdds::of(1.0)], [LogOdds::NEVER, LogOdds::CERTAIN]);
        assert_eq!(LogOdds::of(f64::NAN), LogOdds::NEVER);
        for p in [0.01, 0.5, 0.9, 0.999, 0.99999] {
            assert!((LogOdds::of(p).probability() - p).abs() < 0.02 * (1.0 - p), "{p}");
        }
    }
}
