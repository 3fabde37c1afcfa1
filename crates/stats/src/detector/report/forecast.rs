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

/// The last value and what the differences of values say of the next ones.
#[derive(Clone, Copy, Debug)]
pub struct Drift {
    pub last: f64,
    /// Correlation of neighbouring values, and variance of their differences.
    pub correlation: f64,
    pub differences: f64,
}

/// Standard deviations from the level beyond which a value is an outlier, of which nothing remains in the next rows.
const FAR: f64 = 4.0;

/// The row this many steps ahead; none before a value.
///
/// What the last value is away from the level, autocorrelated noise takes back only by and by: the forecast leads from
/// the last row to the level, and its interval widens from that of the next row to that of any row.
pub fn forecast(seen: Seen, ahead: f64, drift: Drift, s: &Settings) -> Option<Forecast> {
    let now = seen.segmentation.reading(&seen.clock.now(), s)?;
    let then = seen.segmentation.reading(&seen.clock.now().ahead(ahead), s)?;
    let noise = then.noise.get();
    let away = drift.last - now.level;
    let kept = drift.correlation.powf(ahead);
    let mean = then.level + if away.abs() <= FAR * noise { kept * away } else { 0.0 };
    // The greater of what the level and what the differences, which do not know it, say of the next rows.
    let forgotten = 1.0 - kept * kept;
    let fresh = 1.0 - drift.correlation * drift.correlation;
    let differences = 0.5 * drift.differences * (1.0 + drift.correlation) * forgotten / fresh;
    let variance = (noise * noise * forgotten).max(differences);
    let reach = margin(
        2.0 * s.noise_rows + then.weight.get(),
        CONFIDENCE,
        then.level_error.get().hypot(variance.sqrt()),
    );
    let [mean, low, high] = [mean, mean - reach, mean + reach].map(|x| bounded(x * seen.unit));
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
