//! Reports of a detector, as pure functions of its parts.

mod bursts;
mod change;
mod changes;
mod comparison;
mod echoes;
mod evidence;
mod excursions;
mod explain;
mod figures;
mod forecast;
mod opinion;
mod rhythm;
mod sight;
mod states;
mod weekends;

pub use bursts::settled;
pub use change::{Change, Kind, Recurrence};
pub use changes::changes;
pub use evidence::{change_probability, Evidence};
pub use excursions::excursions;
pub use forecast::{forecast, state, Forecast};

use super::clock::Clock;
use super::scale::NoiseEstimate;
use super::segmentation::Segmentation;

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

/// The parts that reports read.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub clock: &'a Clock,
    /// Size of the unit in which values are kept.
    pub unit: f64,
    /// The least and the greatest value of the kind that all were.
    pub range: (f64, f64),
    pub segmentation: &'a Segmentation,
    /// Noise of the series.
    pub noise: NoiseEstimate,
    /// Length of the seasonal period.
    pub period: i64,
}

impl Seen<'_> {
    /// A number of the report, within the range of the values.
    fn within(&self, x: f64) -> f64 {
        x.clamp(self.range.0, self.range.1)
    }

    /// Usual time between two rows, in seconds; none where rows have no time.
    fn step(&self) -> Option<f64> {
        self.clock.timed().then(|| self.clock.slope_factor().recip())
    }
}
