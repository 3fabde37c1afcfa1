//! The readable form of a tally, behind text and JSON.

use crate::cascade::Cascade;
use crate::flags::{Flags, Special};
use crate::moments::Impossible;
use crate::number::Number;
use crate::scale::Scale;
use crate::tally::Tally;
use serde::{Deserialize, Serialize};

/// Count, mean, M2, minimum and maximum, and the rest that is needed to restore every bit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// Number of values.
    pub num_vals: i64,
    /// The mean; absent if empty.
    #[serde(default)]
    pub avg: Option<Number>,
    /// The sum of squared deviations; absent if empty.
    #[serde(default)]
    pub m2: Option<Number>,
    /// The least value that is not NaN; absent where there is none or it is not known.
    #[serde(default)]
    pub min: Option<Number>,
    /// The greatest value that is not NaN; absent where there is none or it is not known.
    #[serde(default)]
    pub max: Option<Number>,
    /// Lower bound of the minimum, where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_bound: Option<Number>,
    /// Upper bound of the maximum, where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bound: Option<Number>,
    /// The exact sum in parts, where it does not follow from the mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sum: Vec<Number>,
    /// The exact sum of squares in parts, where it does not follow from mean and M2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub squares: Vec<Number>,
    /// The numbers of NaN, +Infinity and -Infinity, where there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nonfinite: Vec<u64>,
    /// The unit of `sum` and `squares`, where it is not 1: 0 for 2^-560, 2 for 2^560.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u64>,
}

impl From<&Tally> for Parts {
    fn from(tally: &Tally) -> Self {
        let tally = tally.renormalized();
        let bound = |value, on: bool| (on && tally.has_bounds()).then_some(Number(value));
        let (min_unknown, max_unknown) = (tally.flags.min_unknown(), tally.flags.max_unknown());
        let mut parts = Parts {
            num_vals: tally.count,
            avg: tally.avg().map(Number),
            m2: tally.m2().map(Number),
            min: bound(tally.min, !min_unknown),
            max: bound(tally.max, !max_unknown),
            min_bound: bound(tally.min, min_unknown),
            max_bound: bound(tally.max, max_unknown),
            ..Parts::default()
        };
        if tally.special_mean().is_some() {
            parts.nonfinite = Special::ALL.map(|kind| tally.flags.specials(kind)).to_vec();
        }
        let plain = parts.plain_tally().is_some_and(|plain| plain.to_words() == tally.to_words());
        if !plain && tally.finite_count() > 0 {
            parts.sum = leading(tally.sum);
            parts.squares = leading(tally.squares);
            let scale = tally.flags.scale();
            parts.scale = (scale != Scale::Plain).then_some(scale as u64);
        }
        parts
    }
}

impl Parts {
    /// The tally that the readable numbers alone describe, unchecked.
    fn plain_tally(&self) -> Option<Tally> {
        if !self.nonfinite.is_empty() {
            return None;
        }
        if self.num_vals == 0 {
            return Some(Tally::EMPTY);
        }
        let bound = |known: Option<Number>, bound| known.or(bound).filter(|x| x.0.is_finite());
        let min = bound(self.min, self.min_bound)?.0;
        let max = bound(self.max, self.max_bound)?.0;
        let mut tally = Tally::with_moments(self.num_vals, self.avg?.0, self.m2?.0, min, max);
        tally.flags.set_unknown(self.min.is_none(), self.max.is_none());
        Some(tally)
    }

    /// The tally, if there can be one.
    pub fn into_tally(self) -> Result<Tally, Impossible> {
        let plain = self.sum.is_empty() && self.squares.is_empty() && self.nonfinite.is_empty();
        let tally = if plain && self.scale.is_none() {
            let finite = |x: &Option<Number>| x.is_none_or(|x| x.0.is_finite());
            if ![self.avg, self.m2, self.min, self.max, self.min_bound, self.max_bound].iter().all(finite) {
                return Err(Impossible("NaN and infinities must be counted in nonfinite"));
            }
            if self.num_vals == 0 && self != Parts::default() {
                return Err(Impossible("no values have nothing but their count"));
            }
            self.plain_tally().ok_or(Impossible("mean, m2, min or max is missing"))?
        } else {
            self.exact_tally()?
        };
        tally.check()?;
        self.agrees(&tally)?;
        Ok(tally)
    }

    fn exact_tally(&self) -> Result<Tally, Impossible> {
        let mut tally = Tally { count: self.num_vals, ..Tally::EMPTY };
        let min = self.min.or(self.min_bound).map_or(tally.min, |x| x.0);
        let max = self.max.or(self.max_bound).map_or(tally.max, |x| x.0);
        (tally.min, tally.max) = (min, max);
        tally.flags.set_unknown(self.min_bound.is_some(), self.max_bound.is_some());
        match self.nonfinite[..] {
            [] => {}
            [nan, plus, minus] if [nan, plus, minus].iter().all(|&n| n <= Flags::STUCK) => {
                let counts = [nan, plus, minus];
                Special::ALL.iter().zip(counts).for_each(|(&kind, n)| tally.flags.set_specials(kind, n));
            }
            _ => return Err(Impossible("nonfinite must be three counts below 2^20")),
        }
        let unit = if tally.finite_count() > 0 { Scale::Plain } else { Scale::Tiny };
        let scale = Scale::from_index(self.scale.unwrap_or(unit as u64))
            .ok_or(Impossible("scale must be 0, 1 or 2"))?;
        tally.flags.set_scale(scale);
        tally.sum = total(&self.sum)?;
        tally.squares = total(&self.squares)?;
        Ok(tally)
    }

    /// Checks that mean and M2 agree with the sums, so that a typing error in either is found.
    fn agrees(&self, tally: &Tally) -> Result<(), Impossible> {
        let near = |given: Option<Number>, computed: Option<f64>, scale: f64| match (given, computed) {
            (Some(Number(a)), Some(b)) => a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= scale * 1e-9,
            (a, b) => a.is_none() && b.is_none(),
        };
        let (mean, m2) = (tally.avg(), tally.m2());
        // A mean near 0 of large values is only as precise as these values.
        let size = mean.unwrap_or(0.0).abs().max(tally.min.abs().max(tally.max.abs()) * 1e-6);
        if !near(self.avg, mean, size) {
            return Err(Impossible("mean does not agree with sum"));
        }
        if !near(self.m2, m2, m2.unwrap_or(0.0)) {
            return Err(Impossible("m2 does not agree with sum and squares"));
        }
        Ok(())
    }
}

/// The words that are not zero, but at least one.
fn leading(sum: Cascade<3>) -> Vec<Number> {
    let words = sum.0.iter().rposition(|&word| word != 0.0).map_or(1, |last| last + 1);
    sum.0[..words].iter().copied().map(Number).collect()
}

fn total(parts: &[Number]) -> Result<Cascade<3>, Impossible> {
    if parts.len() > 3 {
        return Err(Impossible("a sum has at most three parts"));
    }
    let mut sum = Cascade::ZERO;
    parts.iter().for_each(|part| sum.add(part.0));
    Ok(sum.renormalized())
}
