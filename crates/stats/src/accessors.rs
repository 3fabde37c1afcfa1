//! Accessors of a tally, each rounded once from about 104 bits. `None` is SQL's NULL.

use crate::cascade::Cascade;
use crate::dd::Dd;
use crate::flags::{Flags, Special};
use crate::scale::Scale;
use crate::tally::Tally;

impl Tally {
    /// Number of values, NaN and infinities included.
    #[inline]
    pub fn num_vals(&self) -> i64 {
        self.count
    }

    /// The sum; `None` if empty, infinite beyond the largest double.
    pub fn sum(&self) -> Option<f64> {
        self.finite_or(|| self.sum.round() * self.flags.scale().inverse())
    }

    /// The sum, rounded once to single precision; `None` if empty. Beyond the largest such number it is infinite.
    pub fn sum_as_real(&self) -> Option<f32> {
        self.finite_or(|| self.sum.rounded_to_odd() * self.flags.scale().inverse()).map(|sum| sum as f32)
    }

    /// The mean; `None` if empty.
    #[inline]
    pub fn avg(&self) -> Option<f64> {
        // Rounding errors of the sums must not lead the mean out of the values' range.
        self.finite_or(|| (self.mean_dd().round() * self.flags.scale().inverse()).max(self.min).min(self.max))
    }

    /// M2, the sum of squared deviations from the mean; `None` if empty, NaN if any value is not finite.
    pub fn m2(&self) -> Option<f64> {
        self.dispersion(|m2| m2)
    }

    /// The variance of the values as a sample, M2 / (n - 1); `None` below two values.
    #[inline]
    pub fn var_samp(&self) -> Option<f64> {
        let n = self.count;
        if n < 2 {
            None
        } else {
            self.dispersion(|m2| m2.over(count_dd(n - 1)))
        }
    }

    /// The variance of the values as a population, M2 / n; `None` if empty.
    pub fn var_pop(&self) -> Option<f64> {
        let n = self.count;
        self.dispersion(|m2| m2.over(count_dd(n)))
    }

    /// The square root of [`Tally::var_samp`], correct even where the variance exceeds the largest double.
    #[inline]
    pub fn stddev_samp(&self) -> Option<f64> {
        let n = self.count;
        if n < 2 {
            None
        } else {
            self.deviation(n - 1)
        }
    }

    /// The square root of [`Tally::var_pop`], correct even where the variance exceeds the largest double.
    pub fn stddev_pop(&self) -> Option<f64> {
        self.deviation(self.count)
    }

    /// The standard error of the mean, `stddev_samp / sqrt(n)`; `None` below two values.
    pub fn sem(&self) -> Option<f64> {
        Some(self.stddev_samp()? / (self.count as f64).sqrt())
    }

    /// The coefficient of variation, `stddev_samp / |mean|`; `None` below two values, or if the mean is 0.
    pub fn cv(&self) -> Option<f64> {
        let mean = self.avg().filter(|mean| *mean != 0.0)?;
        Some(self.stddev_samp()? / mean.abs())
    }

    /// Number of sample standard deviations by which a value is above the mean; `None` below two values, or if all
    /// are the same.
    pub fn zscore(&self, x: f64) -> Option<f64> {
        let deviation = self.stddev_samp().filter(|deviation| *deviation != 0.0)?;
        Some((x - self.avg()?) / deviation)
    }

    /// The least value, NaN being the greatest; `None` if empty, or unknown because values were subtracted.
    #[inline]
    pub fn min(&self) -> Option<f64> {
        match self.count {
            0 => None,
            _ if !self.has_bounds() => Some(f64::NAN),
            _ if self.flags.min_unknown() => None,
            _ => Some(self.min),
        }
    }

    /// The greatest value, NaN being the greatest; `None` if empty, or unknown because values were subtracted.
    #[inline]
    pub fn max(&self) -> Option<f64> {
        match self.count {
            0 => None,
            _ if self.flags.specials(Special::Nan) > 0 => Some(f64::NAN),
            _ if self.flags.max_unknown() => None,
            _ => Some(self.max),
        }
    }

    /// A bound of the magnitude of the finite values.
    pub fn magnitude(&self) -> f64 {
        match self.flags.scale() {
            _ if self.is_finite() && self.count > 0 => self.min.abs().max(self.max.abs()),
            Scale::Huge => f64::MAX,
            _ => Scale::HUGE_FROM,
        }
    }

    /// Whether all values are finite, but their sum is beyond the largest double.
    #[inline]
    pub fn sum_overflows(&self) -> bool {
        self.flags.scale() == Scale::Huge
            && self.special_mean().is_none()
            && self.sum().is_some_and(f64::is_infinite)
    }

    /// Whether all values are finite, but their sum or M2 is beyond the largest double.
    #[inline]
    pub fn overflows(&self) -> bool {
        let infinite = |x: Option<f64>| x.is_some_and(f64::is_infinite);
        self.flags.scale() == Scale::Huge
            && self.special_mean().is_none()
            && (infinite(self.sum()) || infinite(self.m2()))
    }

    /// Returns NaN or an infinity where a value is one, as the built-in aggregates do, and otherwise the finite result.
    #[inline]
    fn finite_or(&self, finite: impl FnOnce() -> f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        Some(self.special_mean().unwrap_or_else(finite))
    }

    /// The mean where values are not finite: NaN or an infinity.
    #[inline]
    pub(crate) fn special_mean(&self) -> Option<f64> {
        if self.flags == Flags::PLAIN {
            return None;
        }
        let seen = |kind| self.flags.specials(kind) > 0;
        match (seen(Special::Nan), seen(Special::PlusInf), seen(Special::MinusInf)) {
            (false, false, false) => None,
            (false, true, false) => Some(f64::INFINITY),
            (false, false, true) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }

    /// A function of M2, linear in it.
    #[inline]
    fn dispersion(&self, f: impl FnOnce(Dd) -> Dd) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let back = self.flags.scale().inverse();
        Some(match self.special_mean() {
            Some(_) => f64::NAN,
            None => f(self.m2_dd()).round() * back * back,
        })
    }

    #[inline]
    fn deviation(&self, degrees: i64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let root = || self.m2_dd().over(count_dd(degrees)).sqrt().round();
        Some(if self.special_mean().is_some() { f64::NAN } else { root() * self.flags.scale().inverse() })
    }

    /// The mean of the finite values, in units of the scale.
    #[inline]
    pub(crate) fn mean_dd(&self) -> Dd {
        self.sum.to_dd().over(count_dd(self.count))
    }

    /// M2 of the finite values, never negative, in units of the scale squared.
    #[inline]
    fn m2_dd(&self) -> Dd {
        let m2 = self.m2_signed();
        // The spread of values that round to the same double is in bits beyond it; anything below the last bits of the
        // sums is noise.
        const NOISE: f64 = 1.0 / (1u128 << 127) as f64 / 256.0;
        let least = if self.min == self.max { self.squares.0[0] * NOISE } else { 0.0 };
        if m2.hi > least {
            m2
        } else {
            Dd::from_f64(0.0)
        }
    }

    /// M2 as the sums yield it: negative because of rounding, or where the sums are not those of any numbers.
    #[inline]
    pub(crate) fn m2_signed(&self) -> Dd {
        let squares = self.squares.to_dd();
        let sum = self.sum.to_dd();
        let m2 = squares.minus(sum.over(count_dd(self.count)).times(sum));
        // Cancellation has lost as many bits as the difference is smaller than its terms; beyond 40 of 104, all words
        // are used.
        const KEPT: f64 = 1.0 / (1u64 << 40) as f64;
        if m2.hi > squares.hi * KEPT {
            m2
        } else {
            self.m2_cancelled()
        }
    }

    /// M2 about a double next to the mean, from every bit of both sums.
    ///
    /// With c the rounded mean and r = sum - n c, exactly: M2 = squares - c (sum + r) - r² / n.
    #[cold]
    fn m2_cancelled(&self) -> Dd {
        let n = count_dd(self.count);
        let c = self.mean_dd().round();
        let sum = self.sum.renormalized().0;

        let mut rest = Cascade::<4>::ZERO;
        sum.iter().for_each(|&word| rest.add(word));
        rest.add_product(-n.hi, c);
        rest.add_product(-n.lo, c);

        let mut m2 = Cascade::<4>::ZERO;
        self.squares.0.iter().for_each(|&word| m2.add(word));
        sum.iter().for_each(|&word| m2.add_product(-c, word));
        rest.renormalized().0.iter().for_each(|&word| m2.add_product(-c, word));
        let r = rest.to_dd();
        let correction = r.times(r).over(n);
        m2.add(-correction.hi);
        m2.add(-correction.lo);
        m2.to_dd()
    }
}

/// A count as a double-double: exact.
#[inline(always)]
pub(crate) fn count_dd(n: i64) -> Dd {
    if n < 1 << 53 {
        Dd::from_f64(n as f64)
    } else {
        Dd::from_i128(n.into())
    }
}
