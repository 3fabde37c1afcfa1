//! Sums of integers and decimals to the last digit, where a tally determines it.
//!
//! Three words lose little, and the loss is bounded: with u = 2^-53 and k additions whose results are never greater
//! than s, the second word collects at most k u s, the third at most k² u² s, and at most k³ u³ s is rounded off.

use crate::cascade::Cascade;
use crate::scale::Scale;
use crate::tally::Tally;
use num_bigint::BigInt;
use std::fmt;

/// The unit of which all values of a tally are multiples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Integers of at most 64 bits.
    One,
    /// Decimals with this many digits after the point, at most 100.
    Digits(u32),
}

/// A decimal number with a fixed number of digits after the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The number in units of its last digit.
    units: BigInt,
    digits: u32,
}

/// The limits of rounding: factors from the number of additions for each value.
struct Losses {
    /// Bounds the third word, in n² u² of the size.
    third: f64,
    /// Bounds what the third word rounds off, in n³ u³ of the size.
    rounded: f64,
    /// The error of the terms themselves, relative to the size: decimals enter a tally with 102 bits, and may have been multiplied by two
    /// others.
    entering: f64,
}

/// Limits of sums: of n values there are 2n additions to the first word and at most n merges, which add to all three:
/// 3n, 4n and 5n additions to the three words. Four times their product, as renormalising may double the second and the
/// third.
const SUM: Losses = Losses { third: 48.0, rounded: 240.0, entering: 1.0 / (1u128 << 100) as f64 };

/// Limits of sums of squares: for each there are 4 additions to the first word and two to the second; with merges 5n,
/// 8n and 9n, the second word having another n u from the second halves of squares.
const SQUARES: Losses = Losses { third: 192.0, rounded: 1800.0, entering: 2.0 / (1u128 << 100) as f64 };

/// Half a unit in the last place of 1.
const U: f64 = f64::EPSILON / 2.0;

/// Integers below it have two doubles as their sum.
const WHOLE: f64 = (1u128 << 100) as f64;

/// The number of values beyond which nothing is certain, so that the bounds need no terms of higher order.
const MOST_VALUES: i64 = 1 << 40;

impl Unit {
    fn digits(self) -> u32 {
        match self {
            Unit::One => 0,
            Unit::Digits(digits) => digits,
        }
    }
}

impl Tally {
    /// The sum of the values, all of them multiples of the unit; `None` if it is not certain.
    pub fn exact_sum(&self, unit: Unit) -> Option<Decimal> {
        // The bound on the sum of magnitudes, by the Cauchy-Schwarz inequality.
        let size = (self.count as f64 * self.squares.round()).sqrt();
        self.certain(&self.sum, size, &SUM, unit, unit.digits())
    }

    /// n Σx² - (Σx)², the numerator of the variance, with twice the digits of the values; `None` if it is not certain.
    pub fn exact_dispersion(&self, unit: Unit) -> Option<Decimal> {
        let sum = self.exact_sum(unit)?.units;
        let digits = 2 * unit.digits();
        let squares = self.certain(&self.squares, self.squares.round(), &SQUARES, unit, digits)?.units;
        Some(Decimal { units: self.count * squares - &sum * &sum, digits })
    }

    /// The least value, a multiple of the unit; `None` if there is none or it is not certain.
    pub fn exact_min(&self, unit: Unit) -> Option<Decimal> {
        Decimal::of_one(self.min()?, unit)
    }

    /// The greatest value, a multiple of the unit; `None` if there is none or it is not certain.
    pub fn exact_max(&self, unit: Unit) -> Option<Decimal> {
        Decimal::of_one(self.max()?, unit)
    }

    /// Whether no value is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        self.special_mean().is_none()
    }

    /// A sum as a multiple of the last of `digits` digits, if only one multiple is possible.
    fn certain(
        &self,
        sum: &Cascade<3>,
        size: f64,
        losses: &Losses,
        unit: Unit,
        digits: u32,
    ) -> Option<Decimal> {
        // Zeros alone leave the scale as it is of no values.
        let plain = self.flags.scale() == Scale::Plain || size == 0.0;
        if !plain || !self.is_finite() || self.count > MOST_VALUES {
            return None;
        }
        let n = self.count as f64 * U;
        // Integers enter as they are, and are not rounded as long as the third word holds them.
        let whole = unit.digits() == 0 && self.min.abs().max(self.max.abs()) < WHOLE;
        let exact = whole && losses.third * n * n * size < 0.5 / U;
        let error = losses.rounded * n * n * n * size + losses.entering * size;
        let certain = exact || error * 10f64.powi(digits as i32) < 0.25;
        certain.then(|| Decimal::nearest(&sum.0, digits))
    }
}

impl Decimal {
    /// The number itself if it has no fraction and fits.
    pub fn to_i64(&self) -> Option<i64> {
        if self.digits == 0 {
            i64::try_from(&self.units).ok()
        } else {
            None
        }
    }

    /// The number with this many digits after the point, or with those that it has if they are more.
    pub fn with_digits(self, digits: u32) -> Decimal {
        let more = digits.saturating_sub(self.digits);
        Decimal { units: self.units * BigInt::from(10).pow(more), digits: self.digits + more }
    }

    /// Whether the number is greater than zero.
    pub fn is_positive(&self) -> bool {
        self.units > BigInt::ZERO
    }

    /// A multiple of the unit from the double next to it; `None` if there are several.
    fn of_one(x: f64, unit: Unit) -> Option<Decimal> {
        let digits = unit.digits();
        // Up to this bound integers are doubles, and decimals lose at most an eighth of a unit.
        let limit = if digits == 0 { 1.0 / U } else { 0.125 / U };
        (x.abs() * 10f64.powi(digits as i32) < limit).then(|| Decimal::nearest(&[x], digits))
    }

    /// The sum of some doubles, rounded to this many digits.
    fn nearest(words: &[f64], digits: u32) -> Decimal {
        // First as multiples of the least positive double, which all doubles are.
        let sum: BigInt = words.iter().map(|&word| multiple(word)).sum();
        let half = BigInt::from(1) << (LEAST - 1);
        Decimal { units: (sum * BigInt::from(10).pow(digits) + half) >> LEAST, digits }
    }
}

/// The least positive double is 2 to the power of minus this.
const LEAST: u32 = 1074;

/// A finite double as a multiple of the least positive one.
fn multiple(x: f64) -> BigInt {
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as u32;
    let fraction = bits & ((1 << 52) - 1);
    let magnitude = match exponent {
        0 => BigInt::from(fraction),
        _ => BigInt::from(fraction | 1 << 52) << (exponent - 1),
    };
    if x.is_sign_negative() {
        -magnitude
    } else {
        magnitude
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits as usize;
        let text = self.units.magnitude().to_string();
        let (whole, fraction) = text.split_at(text.len().saturating_sub(digits));
        let sign = if self.units < BigInt::ZERO { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        match digits {
            0 => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{fraction:0>digits$}"),
        }
    }
}
