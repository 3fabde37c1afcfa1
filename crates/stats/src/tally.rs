//! The tally: count, sum, sum of squares, minimum and maximum.

use crate::bounds::{greatest, least, Bound};
use crate::cascade::Cascade;
use crate::flags::{Flags, Special};
use crate::scale::Scale;
use std::fmt;

/// A mergeable summary of numbers: count, sum, sum of squares, minimum and maximum.
///
/// Both sums are kept in three doubles (159 bits and more), about no pivot. So merging is plain addition and does not
/// depend on order, and `a + b - b` is `a`; `docs/accuracy.md` explains why three words are enough for the variance of
/// any doubles. NaN and infinities are counted apart from the sums, so that the sums are right again once these are
/// subtracted.
///
/// The layout is that of the SQL type: 80 bytes, only eight-byte fields, no padding. Every value passes
/// [`Tally::check`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// The number of values, including NaN and infinities; never negative. Sticks at `i64::MAX`: merged sums are then
    /// those of this many values with the same mean and variance.
    pub(crate) count: i64,
    pub(crate) flags: Flags,
    /// The least value that is not NaN; `+Inf` where there is none. Only a lower bound if `flags` says so.
    pub(crate) min: f64,
    /// The greatest value that is not NaN; `-Inf` where there is none. Only an upper bound if `flags` says so.
    pub(crate) max: f64,
    /// Sum of the finite values, in units of the scale.
    pub(crate) sum: Cascade<3>,
    /// Sum of the squares of the finite values, in units of the scale squared.
    pub(crate) squares: Cascade<3>,
}

/// The error that the values to be subtracted are not among those of the tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPart;

impl fmt::Display for NotAPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tally to subtract is not a part of the other")
    }
}

impl std::error::Error for NotAPart {}

impl Tally {
    /// The tally of no values: the identity of [`Tally::merge`].
    pub const EMPTY: Tally = Tally {
        count: 0,
        flags: Flags::NONE,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        sum: Cascade::ZERO,
        squares: Cascade::ZERO,
    };

    /// Adds one value. O(1).
    #[inline(always)]
    pub fn observe(&mut self, x: f64) {
        self.observe_wide(x, 0.0);
    }

    /// Adds one value given as `hi + lo`, `lo` below the last place of `hi`: integers and decimals of more than
    /// 53 bits. Minimum and maximum see `hi`. O(1).
    ///
    /// Products are split by a fused multiply-add where the processor has one, whatever the target of the build; the
    /// result is the same to the bit.
    #[inline(always)]
    pub fn observe_wide(&mut self, hi: f64, lo: f64) {
        #[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
        if std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has just been found to have the features that the function is compiled for.
            return unsafe { self.observe_fused(hi, lo) };
        }
        self.observe_as::<false>(hi, lo);
    }

    #[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
    #[target_feature(enable = "fma")]
    fn observe_fused(&mut self, hi: f64, lo: f64) {
        self.observe_as::<true>(hi, lo);
    }

    #[inline(always)]
    fn observe_as<const FUSED: bool>(&mut self, hi: f64, lo: f64) {
        // One test for an ordinary tally and one for an ordinary value; NaN fails the second.
        if self.flags == Flags::PLAIN && hi.abs() < Scale::HUGE_FROM {
            self.count = self.count.saturating_add(1);
            self.min = least(self.min, hi);
            self.max = greatest(self.max, hi);
            self.add_parts::<FUSED>(hi, lo);
        } else {
            self.observe_rare(hi, lo);
        }
    }

    /// Adds a value, in units of the scale, to both sums.
    #[inline(always)]
    fn add_parts<const FUSED: bool>(&mut self, hi: f64, lo: f64) {
        self.sum.add(hi);
        self.squares.add_square_as::<FUSED>(hi);
        if lo != 0.0 {
            self.sum.add(lo);
            self.squares.add_product_as::<FUSED>(2.0 * hi, lo);
            self.squares.add_square_as::<FUSED>(lo);
        }
    }

    #[cold]
    #[inline(never)]
    fn observe_rare(&mut self, hi: f64, lo: f64) {
        self.count = self.count.saturating_add(1);
        if !hi.is_nan() {
            let seen = Bound { value: hi, unknown: false };
            self.set_bounds(self.lower().least(seen), self.upper().least(-seen));
        }
        if !hi.is_finite() {
            self.flags.count_special(hi);
            return;
        }
        self.raise_scale(Scale::of(hi));
        let factor = self.flags.scale().factor();
        self.add_parts::<false>(hi * factor, lo * factor);
    }

    /// Adds all values of another tally. O(1), commutative; associative but for the 160th bit.
    #[inline]
    pub fn merge(&mut self, other: &Tally) {
        let usual = self.is_usual() && other.is_usual();
        if let (true, Some(count)) = (usual, self.count.checked_add(other.count)) {
            self.count = count;
            self.flags = Flags(self.flags.0 | other.flags.0);
            self.min = least(self.min, other.min);
            self.max = greatest(self.max, other.max);
            self.sum.merge(&other.sum);
            self.squares.merge(&other.squares);
        } else {
            self.merge_rare(other);
        }
    }

    /// Whether it is in the ordinary state, or has no values: then its sums are zero, which is the same in every unit.
    #[inline(always)]
    fn is_usual(&self) -> bool {
        self.flags == Flags::PLAIN || self.flags == Flags::NONE && self.count == 0
    }

    #[cold]
    #[inline(never)]
    fn merge_rare(&mut self, other: &Tally) {
        let mut other = *other;
        self.raise_scale(other.flags.scale());
        other.raise_scale(self.flags.scale());
        let count = i128::from(self.count) + i128::from(other.count);
        self.set_bounds(self.lower().least(other.lower()), self.upper().least(other.upper()));
        for kind in Special::ALL {
            self.flags.set_specials(kind, self.flags.specials(kind) + other.flags.specials(kind));
        }
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
        self.count = count.min(i64::MAX.into()) as i64;
        if count > i64::MAX.into() {
            let share = self.count as f64 / count as f64;
            (self.sum, self.squares) = (self.sum.times(share), self.squares.times(share));
        }
    }

    /// The tally of `count` values that are all `hi + lo`, as [`Tally::observe_wide`] takes them. O(log count).
    pub fn of_many(hi: f64, lo: f64, count: i64) -> Tally {
        let (mut all, mut part) = (Tally::EMPTY, Tally::EMPTY);
        part.observe_wide(hi, lo);
        let mut rest = count.max(0);
        while rest > 0 {
            if rest & 1 == 1 {
                all.merge(&part);
            }
            rest >>= 1;
            let again = part;
            part.merge(&again);
        }
        all
    }

    /// Subtracts the values of another tally, which must be a part of this one. O(1).
    ///
    /// Count, mean and M2 become those of the remaining values. The minimum stays known only if it was less than the
    /// other's, and likewise the maximum; otherwise [`Tally::min`] is `None` until values that reach as far are merged
    /// in. On error the tally is unchanged.
    pub fn unmerge(&mut self, other: &Tally) -> Result<(), NotAPart> {
        let mut rest = *self;
        rest.take_away(other)?;
        rest.check().map_err(|_| NotAPart)?;
        *self = rest;
        Ok(())
    }

    fn take_away(&mut self, other: &Tally) -> Result<(), NotAPart> {
        let mut other = *other;
        let below = !other.flags.min_unknown() && other.min < self.min;
        let above = !other.flags.max_unknown() && other.max > self.max;
        let stuck = self.count == i64::MAX && other.count > 0;
        if other.count > self.count || below || above || stuck {
            return Err(NotAPart);
        }
        self.raise_scale(other.flags.scale());
        other.raise_scale(self.flags.scale());
        self.count -= other.count;
        for kind in Special::ALL {
            self.flags.take_specials(kind, other.flags.specials(kind)).ok_or(NotAPart)?;
        }
        if other.has_bounds() {
            self.set_bounds(self.lower().without(other.lower()), self.upper().without(other.upper()));
        }
        self.sum.unmerge(&other.sum);
        self.squares.unmerge(&other.squares);
        if self.finite_count() == 0 {
            self.clear_sums(&other)?;
        }
        if self.count as u64 == self.flags.specials(Special::Nan) {
            (self.min, self.max) = (Tally::EMPTY.min, Tally::EMPTY.max);
            self.flags.set_unknown(false, false);
        }
        Ok(())
    }

    /// Sets the sums of no values to exactly zero. Fails if they are more than rounding errors of what was subtracted:
    /// then it was no part.
    fn clear_sums(&mut self, taken: &Tally) -> Result<(), NotAPart> {
        const NOISE: f64 = 1e-12;
        let squares = taken.squares.round();
        let size = (taken.count as f64 * squares).sqrt();
        if self.sum.round().abs() > size * NOISE || self.squares.round().abs() > squares * NOISE {
            return Err(NotAPart);
        }
        self.flags.set_scale(Scale::Tiny);
        (self.sum, self.squares) = (Cascade::ZERO, Cascade::ZERO);
        Ok(())
    }

    /// Converts the sums to a coarser unit; the factor from one scale to the next is always 2^-560.
    pub(crate) fn raise_scale(&mut self, to: Scale) {
        while self.flags.scale() < to {
            let step = Scale::Huge.factor();
            self.sum = self.sum.scaled(step);
            self.squares = self.squares.scaled(step).scaled(step);
            self.flags.set_scale(if self.flags.scale() == Scale::Tiny { Scale::Plain } else { Scale::Huge });
        }
    }

    /// Number of values in the sums.
    pub(crate) fn finite_count(&self) -> i64 {
        let specials: u64 = Special::ALL.iter().map(|&kind| self.flags.specials(kind)).sum();
        self.count - specials as i64
    }

    /// Whether there is a value that is not NaN.
    pub(crate) fn has_bounds(&self) -> bool {
        self.min <= self.max
    }

    pub(crate) fn lower(&self) -> Bound {
        Bound { value: self.min, unknown: self.flags.min_unknown() }
    }

    /// The maximum as a minimum of the negated values.
    pub(crate) fn upper(&self) -> Bound {
        Bound { value: -self.max, unknown: self.flags.max_unknown() }
    }

    pub(crate) fn set_bounds(&mut self, lower: Bound, upper: Bound) {
        (self.min, self.max) = (lower.value, -upper.value);
        self.flags.set_unknown(lower.unknown, upper.unknown);
    }
}

impl FromIterator<f64> for Tally {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut tally = Tally::EMPTY;
        values.into_iter().for_each(|x| tally.observe(x));
        tally
    }
}
