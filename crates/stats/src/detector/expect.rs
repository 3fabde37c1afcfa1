//! The usual for a row, from all parts of a detector.

use super::clock::Place;
use super::forecast::{Expectation, Known, OF_NORMAL};
use super::report::{self, Forecast};
use super::scale::NoiseEstimate;
use super::segmentation::Reading;
use super::settings::Settings;
use super::Detector;

impl Detector {
    /// The row this many steps ahead; none before a value.
    pub fn forecast(&self, ahead: f64, s: &Settings) -> Option<Forecast> {
        let judged = self.judged(s);
        let now = judged.clock.now();
        let place = now.ahead(ahead);
        let row = now.row.saturating_add(ahead.max(0.0) as u64);
        let noise = judged.scale.noise(s);
        let (known, then) = judged.known((now.at, judged.scale.last()), &place, row, &noise, s)?;
        let phase = judged.noise_at(place.at, s);
        let usual = judged.experts.usual(&known.forecasts(ahead), phase, then.noise.get());
        let reach = usual.reach * known.growth(ahead, judged.views.rows());
        let error = (1.0 - known.left(ahead)) * then.level_error.get();
        Some(report::forecast(judged.seen(), usual.mean, reach, then.weight.get(), error))
    }

    /// Knowledge of a row at a place after the last one, of which `last` is time and value, and its segment's reading; none
    /// before a value. `row` is its number.
    fn known(
        &self,
        last: (i64, f64),
        place: &Place,
        row: u64,
        noise: &NoiseEstimate,
        s: &Settings,
    ) -> Option<(Known, Reading)> {
        let reading = self.segmentation.reading(place, s)?;
        let season = |at| self.views.season_at(self.options.phase(at), self.step(), s);
        let known = Known {
            level: reading.level,
            learnt: self.scale.season(row, self.clock.place_in_steps(place.at)),
            last: last.1,
            calm: self.views.calm(),
            around: self.views.level(),
            season: season(place.at),
            season_before: season(last.0),
            direction: self.experts.direction(),
            kept: noise.correlation,
            impetus: noise.impetus,
        };
        Some((known, reading))
    }

    /// The share of the seasonal period that a step takes.
    fn step(&self) -> f64 {
        self.options.share(self.clock.step())
    }

    /// Size of noise at a time relative to that of all times.
    fn noise_at(&self, at: i64, s: &Settings) -> f64 {
        self.views.noise_at(self.options.phase(at), self.step(), s)
    }

    /// The usual for a row with this value, which the forecasts learn, and whether the season matters for it; `last` is
    /// time and value of the row before.
    pub(super) fn expect(
        &mut self,
        x: f64,
        last: (i64, f64),
        place: &Place,
        noise: &NoiseEstimate,
        s: &Settings,
    ) -> (Expectation, bool) {
        let Some((known, reading)) = self.known(last, place, place.row, noise, s) else {
            return (Expectation { mean: x, reach: 0.0 }, false);
        };
        let phase = self.noise_at(place.at, s);
        let forecasts = known.forecasts(1.0);
        let usual = self.experts.usual(&forecasts, phase, reading.noise.get());
        self.experts.observe(x, &forecasts, usual, phase, self.views.rows(), s);
        (usual, known.season.abs() * OF_NORMAL > usual.reach)
    }
}
