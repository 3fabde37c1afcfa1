//! Bayesian online detection of changes: one pass, row by row, in bounded memory, without settings.
//!
//! A [`Detector`] consists of parts that do not know one another. Each keeps its own state and checks it. A row passes
//! through them in this order: the clock numbers it, the scale learns its value, the forecasts learn how wrong they were,
//! the segmentation weighs whether it begins a segment, and the views rate how surprising it is by itself; alerts and
//! outliers keep what was found. Reports are pure functions of the parts.

mod alerts;
mod check;
mod clock;
mod codec;
mod expect;
mod forecast;
mod functions;
mod history;
mod numbers;
mod options;
mod outliers;
mod report;
mod scale;
mod segmentation;
mod settings;
mod surprise;
#[cfg(test)]
mod tests;
mod vector;

pub use clock::Refused;
pub use codec::{CodecError, MOST_BYTES, VERSION};
pub use history::History;
pub use options::Options;
pub use report::{excursions, Change, Forecast, Kind, Recurrence};
pub use settings::Settings;

use alerts::Alerts;
use check::{gravest, number, structure, up_to, Check, Flaw, MOST_VALUE};
use clock::{Clock, Row};
use codec::Stored;
use forecast::{Experts, OF_NORMAL};
use numbers::{bounded, Brief, Coarse};
use outliers::{Outlier, Outliers};
use report::{Evidence, Seen};
use scale::{Calmed, Learned, SeriesScale, When};
use segmentation::{Previous, Segmentation};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use surprise::Views;

/// The state of a series. The stored form has its parts in this order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detector {
    options: Options,
    clock: Clock,
    scale: SeriesScale,
    segmentation: Segmentation,
    views: Views,
    outliers: Outliers,
    alerts: Alerts,
    experts: Experts,
    /// Surprise of the last row, if it had a value.
    surprise: Option<f32>,
    /// Whether the state was read: then it may be one that no series leads to.
    #[serde(skip)]
    read: bool,
}

/// Detectors are equal if their stored forms are.
impl PartialEq for Detector {
    fn eq(&self, other: &Detector) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Detector {
    /// A detector that has seen nothing.
    pub fn new(timed: bool, options: Options) -> Detector {
        Detector::starting(Clock::new(timed), options)
    }

    fn starting(clock: Clock, options: Options) -> Detector {
        Detector {
            options,
            clock,
            scale: SeriesScale::default(),
            segmentation: Segmentation::default(),
            views: Views::default(),
            outliers: Outliers::default(),
            alerts: Alerts::default(),
            experts: Experts::default(),
            surprise: None,
            read: false,
        }
    }

    /// A detector that begins after the last row of this one.
    fn restarted(&self) -> Detector {
        Detector::starting(self.clock.restarted(), self.options)
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a detector from its stored form. If a number is out of range, the detector begins again after the last
    /// row; so do detectors of pg_tally 0.1.0.
    pub fn from_bytes(bytes: &[u8]) -> Result<Detector, CodecError> {
        let detector: Detector = match codec::decode(bytes)? {
            Stored::Whole(detector) => detector,
            Stored::Beginning((options, clock)) => Detector::starting(clock, options),
        };
        match detector.check() {
            Ok(()) if bytes.first() == Some(&VERSION) => Ok(Detector { read: true, ..detector }),
            Err(Flaw::Structure(flaw)) => Err(CodecError::Impossible(flaw)),
            Ok(()) | Err(Flaw::Number(_)) => Ok(detector.restarted()),
        }
    }

    /// Whether a series may have led to this state.
    fn check(&self) -> Check {
        let clock = &self.clock;
        gravest([
            self.options.check(),
            clock.check(),
            structure(
                !self.scale.waits() || self.segmentation.is_empty(),
                "its first rows wait, and some were judged",
            ),
            self.scale.check(clock),
            self.segmentation.check(clock),
            self.views.check(),
            self.outliers.check(clock),
            self.alerts.check(clock),
            self.experts.check(),
            number(
                self.surprise.is_none_or(|x| up_to(x.into(), MOST_VALUE)),
                "its last surprise is out of range",
            ),
        ])
    }

    /// Takes in a row. Without a finite value it only advances time.
    pub fn observe(&mut self, x: Option<f64>, at: Option<i64>, s: &Settings) -> Result<(), Refused> {
        self.take_row(x, at, s)?;
        // A flaw that was read may show only now. What is stored must always be readable.
        if self.read && self.check().is_err() {
            *self = self.restarted();
        }
        Ok(())
    }

    fn take_row(&mut self, x: Option<f64>, at: Option<i64>, s: &Settings) -> Result<(), Refused> {
        let (row, at, previous) = self.clock.advance(at)?;
        self.surprise = None;
        self.outliers.pass();
        let Some(value) = x.filter(|x| x.is_finite()) else { return Ok(()) };
        let row = Row { row, at, value };
        if !self.segmentation.is_empty() {
            self.scale.choose_unit(value);
            let learned = self.learn(&row, previous, s);
            self.judge(row, previous, learned, s);
        } else if self.scale.wait(row) >= s.warm_up {
            self.judge_first_rows(s);
        }
        Ok(())
    }

    /// Judges the first rows, whether there are enough or not.
    fn judge_first_rows(&mut self, s: &Settings) {
        let first = self.scale.start();
        let Some(start) = first.first() else { return };
        let mut previous = start.at;
        self.clock.measure(&first);
        let learn = |row: &Row| {
            let before = std::mem::replace(&mut previous, row.at);
            self.learn(row, before, s)
        };
        let learned: Vec<Learned> = first.iter().map(learn).collect();
        let mut previous = start.at;
        for (row, x) in first.into_iter().zip(learned) {
            self.judge(row, previous, x, s);
            previous = row.at;
        }
    }

    /// Learns the value of a row, and returns it in the unit of the detector; `previous` is the time of the row before.
    fn learn(&mut self, row: &Row, previous: i64, s: &Settings) -> Learned {
        let step = self.clock.step();
        let when = When {
            row: row.row,
            place: self.clock.place_in_steps(row.at),
            before: self.clock.place_in_steps(previous),
            period: self.options.period as f64 / step,
        };
        let learned = self.scale.learn(row.value, &when, s);
        if let Some(factor) = learned.rescaled {
            self.segmentation.rescale(factor);
            self.views.rescale(factor);
            self.experts.rescale(factor);
        }
        learned
    }

    /// Judges a row; `previous` is the time of the row before.
    fn judge(&mut self, Row { row, at, value }: Row, previous: i64, learned: Learned, s: &Settings) {
        let place = self.clock.place(row, at);
        let x = learned.value;
        let (last, last_place) = (learned.last, self.segmentation.newest());
        let noise = self.scale.noise(s);
        let mut prior = self.scale.prior(&noise, s);
        match learned.calmed {
            Some(Calmed { level: Some(level), .. }) => {
                let season = |[from, to]: [(u64, i64); 2]| (self.scale.short_season(from.0, to.0), 0.0);
                let prior = (&prior, self.options.hazard(s));
                self.segmentation.resume(level, &place, None, season, prior, s);
            }
            Some(Calmed { share, level: None }) => self.segmentation.calm(share, s),
            None => {}
        }
        if let Some(turned) = learned.turned {
            let steps = |at| self.clock.place_in_steps(at);
            let season = |[from, to]: [(u64, i64); 2]| self.scale.long_season(steps(from.1), steps(to.1));
            let lost = turned.lost.map(|steps| place.ahead(-steps).at);
            let prior = (&prior, self.options.hazard(s));
            self.segmentation.resume(turned.level, &place, lost, season, prior, s);
        }
        let places = [at, previous].map(|at| self.clock.place_in_steps(at));
        prior.doubt(self.scale.certainty(places, prior.noise));
        let phases = [previous, at].map(|at| self.options.phase(at));
        let glance = self.views.look_at(x, last, phases, s);
        let (usual, seasonal) = self.expect(&learned, &glance, previous, &place, &noise, s);
        let previous = Previous { place: self.clock.place(row, previous), value: learned.previous };
        self.segmentation.observe(learned.calm, place, &previous, &prior, self.options.hazard(s), s);
        let knew = self.views.knows_season();
        let surprise = self.views.observe(&glance, s);
        // Only after the views, which need not wait for the weights of the starts.
        self.segmentation.prune(row, s);
        if let Some(alert) = self.segmentation.alert(self.alerts.last(), &place, s) {
            self.alerts.raise(alert);
        }
        if learned.calmed.is_some() || learned.turned.is_some() || knew != self.views.knows_season() {
            self.experts.know_season();
        }
        self.surprise = Some(surprise as f32);
        if self.outliers.admit(surprise, s) {
            let unit = self.scale.unit();
            // In a series of many jumps, the return from a spike may be more surprising than the spike.
            let returned = last_place.and_then(|(row, at)| {
                let reading = self.segmentation.reading(&place, s)?;
                let settled = self.segmentation.current_start() < row;
                (settled && reading.returned(last, x)).then_some((row, at, reading))
            });
            let outlier = match returned {
                Some((row, at, reading)) => Outlier {
                    row,
                    at,
                    value: bounded(last * unit),
                    expected: bounded(reading.level * unit),
                    noise: Coarse::new(reading.noise.get() * unit),
                    score: Brief::new(surprise),
                    seasonal: false,
                },
                None => Outlier {
                    row,
                    at,
                    value,
                    expected: bounded(usual.mean * unit),
                    noise: Coarse::new(usual.reach / OF_NORMAL * unit),
                    score: Brief::new(surprise),
                    seasonal,
                },
            };
            self.outliers.keep(outlier);
        }
        // The first rows are judged after the last of them.
        if row == self.clock.now().row {
            self.look_ahead(&noise, s);
        }
    }

    /// Returns the detector, or a copy that has judged its first rows if they are still waiting for more.
    fn judged(&self, s: &Settings) -> Cow<'_, Detector> {
        if !self.scale.waits() {
            return Cow::Borrowed(self);
        }
        let mut judged = self.clone();
        judged.judge_first_rows(s);
        Cow::Owned(judged)
    }

    fn seen(&self, s: &Settings) -> Seen<'_> {
        Seen {
            clock: &self.clock,
            unit: self.scale.unit(),
            range: self.scale.range(),
            segmentation: &self.segmentation,
            noise: self.scale.noise(s),
            period: self.options.period,
        }
    }

    /// Rows so far, those without a value included.
    pub fn rows(&self) -> u64 {
        self.clock.rows()
    }

    /// Whether rows have times.
    pub fn timed(&self) -> bool {
        self.clock.timed()
    }

    /// The first and the last time of all that is kept, where rows have times.
    pub fn times(&self) -> Option<(i64, i64)> {
        let last = self.clock.at();
        let alert = self.alerts.last().map(|alert| alert.alerted.at);
        let kept = [self.scale.earliest(), self.segmentation.earliest(), self.outliers.earliest(), alert];
        let first = kept.into_iter().flatten().min().unwrap_or(last);
        (self.timed() && self.rows() > 0).then_some((first, last))
    }

    /// Surprise of the last row, about -log10 of its probability; none without a value, or among the first rows.
    pub fn surprise(&self) -> Option<f64> {
        self.surprise.map(f64::from)
    }

    /// Surprise of the last row; 0 for an outlier that an earlier row silences.
    pub fn alert(&self, s: &Settings) -> f64 {
        let surprise = self.surprise().unwrap_or(0.0);
        if surprise < s.outlier || self.outliers.admitted(s) {
            surprise
        } else {
            0.0
        }
    }

    /// Current level, slope and noise; none before a value.
    pub fn state(&self, s: &Settings) -> Option<(f64, f64, f64)> {
        report::state(self.judged(s).seen(s), s)
    }

    /// Rows since the last change.
    pub fn run_length(&self, s: &Settings) -> u64 {
        self.rows() - self.judged(s).segmentation.current_start().min(self.rows())
    }

    /// First rows of the segments of the most probable segmentation, but the first.
    pub fn starts(&self, s: &Settings) -> Vec<u64> {
        let judged = self.judged(s);
        let starts = report::settled(judged.segmentation.starts(), s).filter(|start| start.before.is_some());
        let mut starts: Vec<u64> = starts.map(|start| start.row).collect();
        starts.reverse();
        starts
    }

    /// The change that was alerted last: its start as it was then, and the row of the alert.
    pub fn last_alert(&self) -> Option<(u64, u64)> {
        self.alerts.last().map(|alert| (alert.start, alert.alerted.row))
    }

    /// Changes of the most probable segmentation and rows that stand out, in order; only the newest if there are many.
    pub fn changes(&self, s: &Settings) -> Vec<Change> {
        let judged = self.judged(s);
        let mut changes = Vec::new();
        report::changes(
            judged.seen(s),
            judged.segmentation.starts(),
            judged.outliers.list(),
            &mut changes,
            s,
        );
        changes
    }

    /// Probability that level, slope or noise changed within the last 25 rows; none before the first verdict.
    pub fn change_probability(&self, s: &Settings) -> Option<f64> {
        report::change_probability(&self.clock, &self.segmentation, s)
    }

    /// Natural log of the Bayes factor for a change at this time or later, against none; 0 if nothing was seen.
    pub fn evidence_since(&self, since: i64, s: &Settings) -> f64 {
        self.judged(s).evidence(s).since(since)
    }

    /// Natural log of the Bayes factor for the change at this row, against none since a time; none if there is none.
    pub fn evidence_at(&self, row: u64, since: i64, s: &Settings) -> Option<f64> {
        let judged = self.judged(s);
        let evidence = judged.evidence(s).at(row, since)?;
        let change = judged.changes(s).into_iter().find(|change| change.row == row);
        Some(change.and_then(|change| change.rarity).map_or(evidence, |rarity| evidence.min(rarity)))
    }

    fn evidence<'a>(&'a self, s: &'a Settings) -> Evidence<'a> {
        Evidence {
            clock: &self.clock,
            segmentation: &self.segmentation,
            noise: self.scale.noise(s),
            hazard: self.options.hazard(s),
            settings: s,
        }
    }
}
