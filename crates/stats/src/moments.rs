//! A tally from given moments, and the conditions that every tally satisfies.

use crate::accessors::count_dd;
use crate::cascade::Cascade;
use crate::flags::Special;
use crate::scale::Scale;
use crate::tally::Tally;
use std::fmt;

/// The reason why no set of numbers has such a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impossible(pub &'static str);

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Impossible {}

fn require(holds: bool, otherwise: &'static str) -> Result<(), Impossible> {
    if holds {
        Ok(())
    } else {
        Err(Impossible(otherwise))
    }
}

impl Tally {
    /// The tally of `count` finite values with this mean, M2 (sum of squared deviations), minimum and maximum.
    pub fn from_moments(count: i64, mean: f64, m2: f64, min: f64, max: f64) -> Result<Tally, Impossible> {
        require(count > 0, "moments need at least one value")?;
        require([mean, m2, min, max].iter().all(|x| x.is_finite()), "mean, m2, min and max must be finite")?;
        let tally = Tally::with_moments(count, mean, m2, min, max);
        tally.check()?;
        Ok(tally)
    }

    /// [`Tally::from_moments`] without the check.
    pub(crate) fn with_moments(count: i64, mean: f64, m2: f64, min: f64, max: f64) -> Tally {
        let mut tally = Tally { count, min, max, ..Tally::EMPTY };
        let scale = Scale::of(min.abs().max(max.abs()));
        tally.flags.set_scale(scale);
        let n = count_dd(count);
        let mean = mean * scale.factor();
        let mut square = Cascade::<3>::ZERO;
        square.add_square(mean);
        tally.squares.add(m2 * scale.factor() * scale.factor());
        for part in [n.hi, n.lo] {
            tally.sum.add_product(part, mean);
            square.0.iter().for_each(|&word| tally.squares.add_product(part, word));
        }
        tally.renormalized()
    }

    /// Returns the tally with its sums in words that do not overlap, so that equal sums have equal bytes.
    pub fn renormalized(self) -> Tally {
        Tally { sum: self.sum.renormalized(), squares: self.squares.renormalized(), ..self }
    }

    /// Checks that some set of numbers has this tally. Input must pass this check before it is used.
    pub(crate) fn check(&self) -> Result<(), Impossible> {
        require(self.count >= 0, "count is negative")?;
        require(self.flags.valid(), "flags are unknown to this version")?;
        let words = || self.sum.0.iter().chain(&self.squares.0);
        require(words().all(|word| word.is_finite()), "sums are not finite")?;
        require(self.finite_count() >= 0, "there are more NaN and infinities than values")?;
        self.check_bounds()?;
        if self.finite_count() > 0 {
            return self.check_moments();
        }
        require(
            self.flags.scale() == Scale::Tiny && words().all(|&word| word == 0.0),
            "no values have no sums",
        )
    }

    fn check_bounds(&self) -> Result<(), Impossible> {
        let specials = |kind| self.flags.specials(kind);
        if self.flags.stuck() {
            return require(!self.min.is_nan() && !self.max.is_nan(), "min or max is NaN");
        }
        if self.count as u64 == specials(Special::Nan) {
            let none = (self.min, self.max) == (Tally::EMPTY.min, Tally::EMPTY.max);
            let known = !self.flags.min_unknown() && !self.flags.max_unknown();
            return require(none && known, "no values have no min and max");
        }
        require(self.min <= self.max, "min is greater than max")?;
        for (end, kind, unknown) in [
            (self.min == f64::NEG_INFINITY, Special::MinusInf, self.flags.min_unknown()),
            (self.max == f64::INFINITY, Special::PlusInf, self.flags.max_unknown()),
        ] {
            require(unknown || end == (specials(kind) > 0), "min and max do not agree with the infinities")?;
            require(end || specials(kind) == 0, "min and max do not agree with the infinities")?;
        }
        Ok(())
    }

    /// Every set of numbers obeys min <= mean <= max, (max - min)² / 2 <= M2 (two of them are the bounds), and M2 <= n
    /// (max - mean) (mean - min) (Bhatia & Davis, Amer. Math. Monthly 107, 2000).
    ///
    /// The check is in units of the scale, and tolerates moments that were computed in double precision.
    fn check_moments(&self) -> Result<(), Impossible> {
        // Where counts of non-finite values are stuck, sums and counts no longer belong together.
        if self.flags.stuck() {
            return Ok(());
        }
        let scale = self.flags.scale();
        let bounded = self.min.is_finite() && self.max.is_finite();
        let fits = Scale::of(self.min.abs().max(self.max.abs())) == scale;
        require(fits || !bounded, "scale does not agree with min and max")?;

        let finite = Tally { count: self.finite_count(), ..*self };
        let in_unit = |x: f64| (x * scale.factor()).clamp(-scale.limit(), scale.limit());
        let (min, max) = (in_unit(self.min), in_unit(self.max));
        let mean = finite.mean_dd().round();
        let reach = min.abs().max(max.abs()) * f64::EPSILON * 4.0;
        require(min - reach <= mean && mean <= max + reach, "mean is not between min and max")?;

        const SLACK: f64 = 1e-9;
        const NOISE: f64 = 1e-24;
        let m2 = finite.m2_signed().round();
        let noise = finite.squares.0[0].abs() * NOISE;
        require(m2 >= -noise, "m2 is negative")?;
        let most = finite.count as f64 * (max - mean + reach) * (mean - min + reach);
        require(m2 <= most * (1.0 + SLACK) + noise, "m2 is too large for min and max")?;
        let known = bounded && !self.flags.min_unknown() && !self.flags.max_unknown();
        let least = (max - min) * (max - min) / 2.0;
        require(!known || m2 >= least * (1.0 - SLACK) - noise, "m2 is too small for min and max")
    }
}
