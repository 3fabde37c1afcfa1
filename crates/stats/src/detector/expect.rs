//! The usual for a row, from all parts of a detector.

use super::clock::Place;
use super::forecast::{Expectation, Forecasted, Known, OF_NORMAL};
use super::report::{self, Forecast};
use super::scale::{Learned, NoiseEstimate};
use super::segmentation::Reading;
use super::settings::Settings;
use super::surprise::{Glance, Views};
use super::Detector;

impl Detector {
    /// The row this many steps ahead; none before a value.
    pub fn forecast(&self, ahead: f64, s: &Settings) -> Option<Forecast> {
        let judged = self.judged(s);
        let place = judged.clock.now().ahead(ahead);
        let noise = judged.scale.noise(s);
        let (known, then) = judged.known_ahead(ahead, &noise, s)?;
        let phase = judged.options.phase(place.at);
        let phase = judged.views.noise_at(phase, known.season, judged.step(), s);
        let usual = judged.experts.usual_ahead(&known, ahead, phase, then.noise.get(), judged.views.rows());
        Some(report::forecast(judged.seen(s), usual.mean, usual.reach))
    }

    /// Knowledge of the row this many steps ahead of the last one, and its segment's reading; none before a value.
    fn known_ahead(&self, ahead: f64, noise: &NoiseEstimate, s: &Settings) -> Option<(Known, Reading)> {
        let now = self.clock.now();
        let place = now.ahead(ahead);
        let row = now.row.saturating_add(ahead.max(0.0) as u64);
        let phases = [now.at, place.at].map(|at| self.options.phase(at));
        let places = [now.at, place.at].map(|at| self.clock.place_in_steps(at));
        let learnt = self.scale.season_ahead([now.row, row], places);
        let (known, reading) = self.known((self.scale.last(), &phases), &place, learnt, noise, s)?;
        let moved = self.views.level_move(phases, self.step(), s);
        Some((Known { moved, ..known }, reading))
    }

    /// Knowledge of a row at a place after the last one, of which `last` is the value, and its segment's reading; none before a
    /// value. The phases are those of the last row and of this one, and `learnt` is what the learnt season says of it. The
    /// level does not move in a single step.
    fn known(
        &self,
        (last, phases): (f64, &[Option<f64>; 2]),
        place: &Place,
        [learnt, turn]: [f64; 2],
        noise: &NoiseEstimate,
        s: &Settings,
    ) -> Option<(Known, Reading)> {
        let reading = self.segmentation.reading(place, s)?;
        let [season_before, season] = phases.map(|phase| self.views.season_at(phase, self.step(), s));
        let [slot_before, slot] = phases.map(|phase| self.views.slot_at(phase, s));
        let (moments, step) = (self.experts.moments(), self.step());
        let (jumps, edge) = match *phases {
            [Some(from), Some(to)] => (moments.between(from, to), moments.edge(to, Views::SLOTS, step)),
            _ => (0.0, 0.0),
        };
        let known = Known {
            level: reading.level,
            learnt,
            turn,
            last,
            calm: self.views.calm(),
            around: self.views.level(),
            season,
            season_before,
            slot,
            slot_before,
            moved: 0.0,
            jumps,
            edge,
            repeats: self.experts.repeats(step),
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

    /// The usual for a row, which the forecasts learn, and whether the season matters for it; `last` is the time of the row
    /// before.
    // Within its caller, it would take registers from what is hot there: a row would cost a third more.
    #[inline(never)]
    pub(super) fn expect(
        &mut self,
        learned: &Learned,
        glance: &Glance,
        last: i64,
        place: &Place,
        noise: &NoiseEstimate,
        s: &Settings,
    ) -> (Expectation, bool) {
        let x = learned.value;
        let last_row = (learned.last, &glance.phases);
        let Some((known, reading)) = self.known(last_row, place, learned.expected, noise, s) else {
            return (Expectation { mean: x, reach: 0.0 }, false);
        };
        let phase = self.views.noise_of(glance, known.season, self.step(), s);
        let forecasts = known.forecasts(1.0);
        let usual = self.experts.usual(&known, &forecasts, phase, reading.noise.get());
        let (steps, rows) = (place.since(last), self.views.rows());
        let [before, now] = glance.phases;
        let phases = before.zip(now).filter(|_| steps * self.step() < 1.0).map(<[f64; 2]>::from);
        self.experts.observe(x, &Forecasted { known, forecasts, usual, phase, phases, steps, rows }, s);
        (usual, known.season.abs() * OF_NORMAL > usual.reach)
    }

    /// Forecasts rows farther ahead, to be compared with them when they come.
    #[inline(never)]
    pub(super) fn look_ahead(&mut self, noise: &NoiseEstimate, s: &Settings) {
        for ahead in self.experts.idle() {
            if let Some((known, _)) = self.known_ahead(ahead, noise, s) {
                self.experts.await_row(ahead, &known);
            }
        }
    }
}
