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

/// The row this many steps ahead; none before a value.
pub fn forecast(seen: Seen, ahead: f64, s: &Settings) -> Option<Forecast> {
    let reading = seen.segmentation.reading(&seen.clock.now().ahead(ahead), s)?;
    let error = reading.level_error.get().hypot(reading.noise.get());
    let reach = margin(2.0 * s.noise_rows + reading.weight.get(), CONFIDENCE, error);
    let [mean, low, high] =
        [reading.level, reading.level - reach, reading.level + reach].map(|x| bounded(x * seen.unit));
    Some(Forecast { mean, low, high })
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
