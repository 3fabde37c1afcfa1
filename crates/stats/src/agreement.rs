//! Whether two tallies are of the same values.

use crate::cascade::Cascade;
use crate::tally::Tally;

/// Relative error of an addition, times the number of additions that a value takes at most.
const UNIT: f64 = 1.0 / (1u64 << 50) as f64;

impl Tally {
    /// Whether it may be a tally of the same values, added in another order: all is equal but for what the third word of a sum loses.
    ///
    /// The bound is that of Ogita, Rump & Oishi for a sum in three words: the third power of the error of a plain sum.
    pub fn agrees_with(&self, other: &Tally) -> bool {
        let (count, squares) = (self.count as f64, self.squares.round());
        let slack = (count * UNIT).powi(3);
        self.count == other.count
            && self.flags == other.flags
            && self.min == other.min
            && self.max == other.max
            && distance(&self.sum, &other.sum) <= slack * (count * squares).sqrt()
            && distance(&self.squares, &other.squares) <= slack * squares
    }
}

fn distance(a: &Cascade<3>, b: &Cascade<3>) -> f64 {
    let mut rest = *a;
    rest.unmerge(b);
    rest.round().abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(values: impl IntoIterator<Item = f64>) -> Tally {
        values.into_iter().fold(Tally::EMPTY, |mut tally, value| {
            tally.observe(value);
            tally
        })
    }

    #[test]
    fn order_does_not_matter_but_every_bit_of_a_value_does() {
        let values: Vec<f64> = (0..10_000).map(|n| 2.0 + (f64::from(n) * 0.37).sin()).collect();
        let forth = tally(values.iter().copied());
        assert!(forth.agrees_with(&tally(values.iter().rev().copied())));
        let mut halves = tally(values[5_000..].iter().copied());
        halves.merge(&tally(values[..5_000].iter().copied()));
        assert!(halves.agrees_with(&forth));
        for at in [0, 19, 5_000, 9_999] {
            let mut other = values.clone();
            other[at] = other[at].next_up();
            assert!(!forth.agrees_with(&tally(other)), "{at}");
        }
        assert!(!forth.agrees_with(&tally(values[1..].iter().copied())));
    }

    #[test]
    fn special_values_are_compared_too() {
        let with = |x| tally([1.0, x, 3.0]);
        for x in [f64::NAN, f64::INFINITY, 1e300, 0.0, f64::MIN_POSITIVE] {
            assert!(with(x).agrees_with(&tally([3.0, x, 1.0])), "{x}");
            assert!(!with(x).agrees_with(&with(2.0)), "{x}");
        }
        assert!(Tally::EMPTY.agrees_with(&Tally::EMPTY) && !Tally::EMPTY.agrees_with(&with(1.0)));
    }
}
