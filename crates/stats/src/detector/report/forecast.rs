//! Current level, slope and noise, and the forecast if nothing changes.

use super::{Seen, CONFIDENCE};
use crate::detector::numbers::bounded;
use crate::detector::settings::Settings;
use crate::student::margin;

/// The expectation of the next rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Expected value.
    pub mean: f64,
    /// Lower end of the 95 % interval for a row.
    pub low: f64,
    /// Upper end of the 95 % interval for a row.
    pub high: f64,
}

/// The forecast of a row: its mean, the reach of 95 % of its noise, and the standard error of the level that it is led to.
pub fn forecast(seen: Seen, mean: f64, noise: f64, rows: f64, error: f64) -> Forecast {
    let reach = noise.hypot(margin(rows, CONFIDENCE, error));
    let [mean, low, high] = [mean, mean - reach, mean + reach].map(|x| seen.within(x * seen.unit));
    Forecast { mean, low, high }
}

/// Current level, slope and noise; none before a value.
pub fn state(seen: Seen, s: &Settings) -> Option<(f64, f64, f64)> {
    let reading = seen.segmentation.reading(&seen.clock.now(), s)?;
    Some((
        bounded(reading.level * seen.unit),
        bounded(f64::from(reading.slope) * seen.clock.slope_factor() * seen.unit),
        bounded(reading.noise.get() * seen.unit),
    ))
}
