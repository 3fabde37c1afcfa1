//! Comparison of two segments: the level changed, unless the slope or the noise changed much more clearly.

use super::change::{Change, Kind};
use super::{Seen, CONFIDENCE};
use crate::detector::numbers::bounded;
use crate::detector::segmentation::{Reading, Start};
use crate::student::margin;

/// The least clarity of a change of the level, relative to the clearest other change, for it to be called one of the
/// level.
const PLAIN: f64 = 0.5;
/// The least correlation of neighbouring rows in a segment that goes to and fro, and the standard deviations within which
/// its states are.
const TO_AND_FRO: f64 = 0.5;
const STATES: f64 = 2.0;
/// The least number that differences are divided by.
const LEAST: f64 = 1e-300;

/// The end of a segment, as far as is known, and its reading there.
#[derive(Clone, Copy)]
pub struct Ending {
    pub reading: Reading,
    /// The row after the end, its time or that of the last row, and the steps from the segment's last row to it.
    pub row: u64,
    pub at: i64,
    pub beyond: f64,
}

/// A quantity on both sides of a change.
struct Quantity {
    kind: Kind,
    before: f64,
    after: f64,
    errors: (f64, f64),
    /// Factor to the units of the report.
    factor: f64,
    /// Steps over which a change of the quantity takes effect.
    steps: f64,
}

impl Quantity {
    /// The difference in standard errors.
    fn clarity(&self) -> f64 {
        (self.after - self.before).abs() / self.errors.0.hypot(self.errors.1).max(LEAST)
    }
}

/// Describes the change at a start, from the reading before it to the segment with this ending.
pub fn compare(
    seen: Seen,
    start: &Start,
    before: Reading,
    ending: Ending,
    rows_before: Option<u64>,
) -> Change {
    let after = ending.reading;
    let steps = seen.clock.steps(start.at, ending.at) - ending.beyond;
    let (weight1, weight2) = (before.weight.get().max(1.0), after.weight.get().max(1.0));
    let (noise1, noise2) = (before.noise.get(), after.noise.get());
    let between = [before, after].map(|reading| states(&seen, &reading));
    let mut clearest = Quantity {
        kind: Kind::Level,
        before: before.level,
        after: after.level - f64::from(after.slope) * steps.max(0.0),
        errors: (before.level_error.get(), after.level_error_before(steps.max(0.0))),
        factor: 1.0,
        steps: 1.0,
    };
    let slope = Quantity {
        kind: Kind::Slope,
        before: f64::from(before.slope),
        after: f64::from(after.slope),
        errors: (before.slope_error.get(), after.slope_error.get()),
        factor: seen.clock.slope_factor(),
        steps: steps.max(1.0),
    };
    let variance = Quantity {
        kind: Kind::Variance,
        before: noise1,
        after: noise2,
        errors: (noise1 / (2.0 * weight1).sqrt(), noise2 / (2.0 * weight2).sqrt()),
        factor: 1.0,
        steps: 1.0,
    };
    for other in [slope, variance] {
        if PLAIN * other.clarity() > clearest.clarity() {
            clearest = other;
        }
    }
    let Quantity { kind, before, after, errors, factor, steps } = clearest;
    let factor = factor * seen.unit;
    let difference = after - before;
    let reach = margin(weight1 + weight2, CONFIDENCE, errors.0.hypot(errors.1));
    let noise = noise1.hypot(noise2) / std::f64::consts::SQRT_2;
    Change {
        row: start.row,
        at: start.at,
        alerted: start.alerted.map(|a| (a.row, a.at)),
        kind,
        probability: start.probability.probability(),
        before: bounded(before * factor),
        after: bounded(after * factor),
        errors: (bounded(errors.0 * factor), bounded(errors.1 * factor)),
        usual: None,
        season: None,
        recurs: None,
        rarity: None,
        between,
        interval: (bounded((difference - reach) * factor), bounded((difference + reach) * factor)),
        effect_sd: bounded(difference * steps / noise.max(LEAST)),
        step: seen.step(),
        rows_before,
        rows_after: ending.row - start.row,
    }
}

/// The range in which a segment goes to and fro between states, if it does.
fn states(seen: &Seen, reading: &Reading) -> Option<(f64, f64)> {
    let (offset, _) = reading.census.means();
    let (centre, reach) = (reading.level + offset, STATES * reading.noise.get());
    let value = |x: f64| bounded(x * seen.unit);
    (reading.persistence(&seen.noise) > TO_AND_FRO).then(|| (value(centre - reach), value(centre + reach)))
}
