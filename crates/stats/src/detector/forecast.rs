//! What comes next, if nothing changes.

use super::candidates::Place;
use super::change::CONFIDENCE;
use super::reading::bounded;
use super::settings::Settings;
use super::state::Detector;
use crate::student::margin;

/// What the next rows are expected to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Expected value.
    pub mean: f64,
    /// Lower end of the 95 % interval for a row.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Detector {
    /// The row so many steps ahead.
    pub fn forecast(&self, ahead: f64, s: &Settings) -> Option<Forecast> {
        let judged = self.judged(s);
        let place = judged.place();
        let later = Place { at: place.at.saturating_add((ahead * place.step) as i64), ..place };
        let best = judged.candidates.best()?;
        let reading = judged.candidates.read(best, &later, s);
        let error = reading.level_error.get().hypot(reading.noise.get());
        let reach = margin(2.0 * s.noise_rows + reading.weight.get(), CONFIDENCE, error);
        let unit = judged.unit();
        let [mean, low, high] =
            [reading.level, reading.level - reach, reading.level + reach].map(|x| bounded(x * unit));
        Some(Forecast { mean, low, high })
    }
}
