//! Equality of tallies, and a total order that agrees with it.

use crate::tally::Tally;
use std::cmp::Ordering;

impl Tally {
    /// Returns the words that `=` and the hash use: all results of accessors follow from them.
    pub fn key(&self) -> [u64; 6] {
        // No accessor reports a NaN with these bits, so they can stand for NULL.
        const NULL: u64 = u64::MAX;
        // As in PostgreSQL, -0 equals 0 and NaN equals NaN.
        let bits = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() };
        let [avg, m2, sum, min, max] = self.reported().map(|x| x.map_or(NULL, bits));
        [self.count as u64, avg, m2, sum, min, max]
    }

    /// A total order: by the number of values, then by mean, M2, sum, minimum and maximum. As in PostgreSQL, NaN is the
    /// greatest number; an unknown bound comes after it.
    ///
    /// Not [`Ord`], whose `min` and `max` are not those of the values.
    pub fn compare(&self, other: &Tally) -> Ordering {
        let numbers = self.reported().into_iter().zip(other.reported());
        numbers.fold(self.count.cmp(&other.count), |order, (a, b)| order.then_with(|| compare(a, b)))
    }

    fn reported(&self) -> [Option<f64>; 5] {
        [self.avg(), self.m2(), self.sum(), self.min(), self.max()]
    }
}

/// Tallies are equal if their accessors report the same.
impl PartialEq for Tally {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Tally {}

fn compare(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_total_and_agrees_with_equality() {
        let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300];
        let mut tallies = vec![Tally::EMPTY];
        for a in values {
            for b in values {
                tallies.push([a].into_iter().collect());
                tallies.push([a, b].into_iter().collect());
                let mut rest: Tally = [a, b, 1.0].into_iter().collect();
                if rest.unmerge(&[b].into_iter().collect()).is_ok() {
                    tallies.push(rest);
                }
            }
        }
        for a in &tallies {
            for b in &tallies {
                assert_eq!(a.compare(b), b.compare(a).reverse());
                assert_eq!(a.compare(b).is_eq(), a == b, "{a} {b}");
                for c in &tallies {
                    assert!(
                        a.compare(b).is_gt() || b.compare(c).is_gt() || a.compare(c).is_le(),
                        "{a} {b} {c}"
                    );
                }
            }
        }
    }
}
