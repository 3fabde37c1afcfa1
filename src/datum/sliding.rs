//! Summaries in sliding windows of values other than plain doubles.

use tally_stats::{Summary, Tally};

/// A summary of values of more than 53 bits, `hi + lo`.
#[derive(Clone, Copy)]
pub struct Wide(pub Tally);

impl Summary for Wide {
    type Value = (f64, f64);
    const EMPTY: Self = Wide(Tally::EMPTY);

    fn observe(&mut self, (hi, lo): (f64, f64)) {
        self.0.observe_wide(hi, lo);
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }
}

/// A summary of stored tallies.
#[derive(Clone, Copy)]
pub struct Merged(pub Tally);

impl Summary for Merged {
    type Value = Tally;
    const EMPTY: Self = Merged(Tally::EMPTY);

    fn observe(&mut self, value: Tally) {
        self.0.merge(&value);
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }
}
