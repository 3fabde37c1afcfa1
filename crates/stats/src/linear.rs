//! Tallies of numbers that follow from others: multiples, sums with a number, and sums of pairs.

use crate::dd::Dd;
use crate::eft::two_prod;
use crate::flags::Flags;
use crate::scale::Scale;
use crate::tally::Tally;

/// Factors from here on make no value vanish but those that are no normal doubles.
const LEAST_FACTOR: f64 = f64::EPSILON;

/// Values beyond which the counts of integers might be rounded.
const MOST_VALUES: i64 = 1 << 33;

impl Tally {
    /// The tally of the values times a number; `None` where a product may be out of range, or is none of two finite numbers.
    pub fn times(&self, factor: Dd) -> Option<Tally> {
        self.multiplied(factor, |bound| bound.times(factor))
    }

    /// The tally of the values divided by a number; `None` as for [`Tally::times`], and of a divisor that is zero.
    pub fn over(&self, divisor: Dd) -> Option<Tally> {
        self.multiplied(Dd::from_f64(1.0).over(divisor), |bound| bound.over(divisor))
    }

    fn multiplied(&self, factor: Dd, product: impl Fn(Dd) -> Dd) -> Option<Tally> {
        if self.count == 0 {
            return Some(Tally::EMPTY);
        }
        let is_usable = factor.hi == 0.0 || factor.hi.is_finite() && factor.hi.abs() >= LEAST_FACTOR;
        let mut all = self.plain().filter(|_| is_usable)?;
        if factor.hi == 0.0 || all.is_zero() {
            return Some(Tally::of_many(0.0, 0.0, self.count));
        }
        all.sum = all.sum.times_wide(factor);
        all.squares = all.squares.times_wide(factor).times_wide(factor);
        let (one, other) = (product(Dd::from_f64(self.min)).hi, product(Dd::from_f64(self.max)).hi);
        (all.min, all.max) = (one.min(other), one.max(other));
        all.in_range()
    }

    /// The tally of the values plus a number; `None` where a sum may be out of range.
    pub fn plus(&self, addend: Dd) -> Option<Tally> {
        if self.count == 0 {
            return Some(Tally::EMPTY);
        }
        let mut all = self.plain().filter(|all| addend.hi.is_finite() && all.count <= MOST_VALUES)?;
        if all.is_zero() || addend.hi == 0.0 {
            return if all.is_zero() {
                Some(Tally::of_many(addend.hi, addend.lo, self.count))
            } else {
                Some(all)
            };
        }
        let bound = |bound: f64| Dd::from_f64(bound).plus(addend).hi;
        (all.min, all.max) = (bound(self.min), bound(self.max));
        if all.min == 0.0 && all.max == 0.0 {
            return Some(Tally::of_many(0.0, 0.0, self.count));
        }
        let count = self.count as f64;
        for &word in &self.sum.renormalized().0 {
            all.squares.add_product(word, 2.0 * addend.hi);
            all.squares.add_product(word, 2.0 * addend.lo);
        }
        let (square, rest) = two_prod::<false>(addend.hi, addend.hi);
        for part in [square, rest, 2.0 * addend.hi * addend.lo] {
            all.squares.add_product(count, part);
        }
        for part in [addend.hi, addend.lo] {
            all.sum.add_product(count, part);
        }
        all.in_range()
    }

    /// The tally of sums, each of one of these values and one of the others, which are as many. Of its squares and extremes only bounds
    /// are known. `None` where a sum may be out of range.
    pub fn plus_each(&self, other: &Tally) -> Option<Tally> {
        let (mut all, other) = (self.plain()?, other.plain()?);
        all.sum.merge(&other.sum);
        all.squares.merge(&other.squares);
        all.squares = all.squares.scaled(2.0);
        (all.min, all.max) = (all.min + other.min, all.max + other.max);
        if all.is_zero() {
            return Some(Tally::of_many(0.0, 0.0, self.count));
        }
        all.in_range()
    }

    /// The tally with words that do not overlap, if its values are finite, and zero or of ordinary size.
    fn plain(&self) -> Option<Tally> {
        let is_certain = self.is_finite() && !self.flags.min_unknown() && !self.flags.max_unknown();
        let is_plain = self.flags.scale() == Scale::Plain || self.is_zero();
        (is_certain && is_plain).then(|| Tally { flags: Flags::PLAIN, ..self.renormalized() })
    }

    fn is_zero(&self) -> bool {
        self.min == 0.0 && self.max == 0.0
    }

    /// The tally, if its greatest value is of ordinary size.
    fn in_range(self) -> Option<Tally> {
        let is_plain = Scale::of(self.min.abs().max(self.max.abs())) == Scale::Plain;
        // NaN has no scale.
        (is_plain && self.min <= self.max).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::Unit;

    fn tally(values: impl Iterator<Item = i64>) -> Tally {
        values.map(|x| x as f64).collect()
    }

    #[test]
    fn integers_are_exact() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 33
        };
        for _ in 0..2000 {
            let (factor, addend) = ((next() % 2001) as i64 - 1000, (next() % 100_001) as i64 - 50_000);
            let values: Vec<i64> =
                (0..next() % 50 + 1).map(|_| (next() % (1 << 31)) as i64 - (1 << 30)).collect();
            let whole = |x: i64| Dd::from_f64(x as f64);
            let found =
                tally(values.iter().copied()).times(whole(factor)).unwrap().plus(whole(addend)).unwrap();
            let right = tally(values.iter().map(|x| x * factor + addend));
            assert_eq!(found.num_vals(), right.num_vals());
            assert_eq!(found.exact_sum(Unit::One), right.exact_sum(Unit::One));
            assert_eq!(found.exact_dispersion(Unit::One), right.exact_dispersion(Unit::One));
            assert_eq!((found.min(), found.max()), (right.min(), right.max()));
        }
    }

    #[test]
    fn pairs_are_exact_in_their_sum() {
        let (one, other) = ([5, 7, -3], [-2, 100, 1 << 40]);
        let found = tally(one.into_iter()).plus_each(&tally(other.into_iter())).unwrap();
        let right = tally(one.iter().zip(other).map(|(one, other)| one + other));
        assert_eq!(found.exact_sum(Unit::One), right.exact_sum(Unit::One));
        assert!(found.min() <= right.min() && found.max() >= right.max());
    }

    #[test]
    fn quotients_have_the_bounds_of_the_values() {
        let values = [1.0, 3.5, 700.25];
        let found = values.into_iter().collect::<Tally>().over(Dd::from_f64(-7.0)).unwrap();
        let right: Tally = values.into_iter().map(|x| x / -7.0).collect();
        assert_eq!((found.min(), found.max()), (right.min(), right.max()));
        assert!((found.sum().unwrap() - right.sum().unwrap()).abs() < 1e-12);
    }

    #[test]
    fn what_may_be_out_of_range_is_none() {
        let of = |x: f64| [x, 1.0].into_iter().collect::<Tally>();
        assert!(of(1e300).times(Dd::from_f64(1e300)).is_none());
        assert!(of(f64::NAN).times(Dd::from_f64(2.0)).is_none());
        assert!(of(f64::INFINITY).plus(Dd::from_f64(2.0)).is_none());
        assert!(of(2.0).times(Dd::from_f64(1e-200)).is_none());
        assert!(of(2.0).over(Dd::from_f64(0.0)).is_none());
        assert!(of(1e140).plus(Dd::from_f64(1e300)).is_none());
        assert!(of(2.0).times(Dd::from_f64(f64::INFINITY)).is_none());
    }

    #[test]
    fn zeros_stay_zeros() {
        let zeros: Tally = [0.0, 0.0].into_iter().collect();
        assert_eq!(zeros.times(Dd::from_f64(5.0)).unwrap().max(), Some(0.0));
        let moved = zeros.plus(Dd::from_f64(5.0)).unwrap();
        assert_eq!((moved.num_vals(), moved.min(), moved.max()), (2, Some(5.0), Some(5.0)));
        let back = moved.plus(Dd::from_f64(-5.0)).unwrap();
        assert_eq!((back.num_vals(), back.sum(), back.max()), (2, Some(0.0), Some(0.0)));
    }
}
