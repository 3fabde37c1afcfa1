//! Current level, slope and noise, and the forecast if nothing changes.

use super::Seen;
use crate::detector::numbers::bounded;
use crate::detector::settings::Settings;

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

/// The forecast of a row: its mean, and the reach of 95 % of what is about it.
pub fn forecast(seen: Seen, mean: f64, reach: f64) -> Forecast {
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
