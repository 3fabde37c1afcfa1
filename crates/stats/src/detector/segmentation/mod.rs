//! Segmentation of a series: the possible starts of the current segment, each with its evidence.
//!
//! Two recursions run side by side over the possible starts: max-product, whose best path is the most probable
//! segmentation (Fearnhead & Liu 2007), and sum-product, the run-length probabilities (Adams & MacKay 2007).

mod budget;
mod candidate;
mod paths;
mod reading;
mod segment;
mod wander;

#[cfg(test)]
pub use budget::ROOM;
pub use paths::{Start, MOST_STARTS};
pub use reading::Reading;

use super::alerts::{Alert, Alerted};
use super::check::{structure, Check};
use super::clock::{Clock, Place};
use super::scale::Prior;
use super::settings::Settings;
use candidate::{worst, Candidate};
use paths::{Paths, NONE};
use segment::Segment;
use serde::{Deserialize, Serialize};

/// The most candidates in a stored state.
const MOST_CANDIDATES: usize = 8;
/// The candidates that are kept in any case.
const FEW_CANDIDATES: usize = 5;

/// Rows in which a segment learns a noise that is far from that of the series: until then its start is not hopeless.
const YOUNG: u64 = 4;

/// The possible starts of the current segment, and the segmentations behind them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Segmentation {
    /// Oldest first.
    candidates: Vec<Candidate>,
    paths: Paths,
}

/// The previous row: its place and its value.
#[derive(Clone, Copy, Debug)]
pub struct Previous {
    pub place: Place,
    pub value: f64,
}

impl Segmentation {
    /// Whether no row has been judged yet.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The candidate that ends the most probable segmentation.
    fn best(&self) -> Option<&Candidate> {
        self.candidates.iter().max_by(|a, b| a.score.total_cmp(&b.score))
    }

    /// The starts of the most probable segmentation, newest first.
    pub fn starts(&self) -> impl Iterator<Item = &Start> + Clone {
        self.paths.back(self.best().map_or(NONE, |best| best.start))
    }

    /// Whether a start at this row is remembered, on whatever path.
    pub fn remembers(&self, row: u64) -> bool {
        self.paths.has(row)
    }

    /// The current segment of the most probable segmentation, read at a place.
    pub fn reading(&self, place: &Place, s: &Settings) -> Option<Reading> {
        self.best().map(|best| self.read(best, place, s))
    }

    fn read(&self, candidate: &Candidate, place: &Place, s: &Settings) -> Reading {
        candidate.segment.read(place.since(self.paths.start(candidate.start).at), s.noise_rows)
    }

    /// First row of the current segment; 0 before the first change.
    pub fn current_start(&self) -> u64 {
        if self.paths.len() > 1 {
            self.starts().next().map_or(0, |start| start.row)
        } else {
            0
        }
    }

    /// Number and time of the last row that was judged.
    pub fn newest(&self) -> Option<(u64, i64)> {
        let start = self.candidates.last().map(|c| self.paths.start(c.start))?;
        Some((start.row, start.at))
    }

    /// Probability that the current segment began at a start for which `after` holds, among the starts before row
    /// `until`; later ones have no evidence yet.
    pub fn probability(&self, after: impl Fn(&Start) -> bool, until: u64) -> f64 {
        let [probability] = self.probabilities(|start| [after(start)], until);
        probability
    }

    /// Probabilities that the current segment began at starts for which each condition of `after` holds.
    fn probabilities<const N: usize>(&self, after: impl Fn(&Start) -> [bool; N], until: u64) -> [f64; N] {
        let (mut since, mut all) = ([0.0; N], 0.0);
        for candidate in &self.candidates {
            let start = self.paths.start(candidate.start);
            if start.row < until {
                let p = f64::from(candidate.weight).exp();
                all += p;
                for (since, after) in since.iter_mut().zip(after(start)) {
                    *since += if after { p } else { 0.0 };
                }
            }
        }
        since.map(|since| if all > 0.0 { since / all } else { 0.0 })
    }

    /// Probability that the current segment began at this row or later.
    pub fn probability_since(&self, row: u64) -> f64 {
        self.probability(|start| start.row >= row, u64::MAX)
    }

    /// Takes in a row: it may begin a segment, and it is evidence for or against every start.
    pub fn observe(
        &mut self,
        x: f64,
        place: Place,
        previous: &Previous,
        prior: &Prior,
        hazard: f64,
        s: &Settings,
    ) {
        self.add_start(x, place, previous, prior, hazard, s);
        let outlier = prior.outlier(x);
        let (mut best, mut likeliest) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let stay = (-hazard).ln_1p();
        let newest = self.candidates.len() - 1;
        for (i, candidate) in self.candidates.iter_mut().enumerate() {
            let time = place.since(self.paths.start(candidate.start).at);
            let gain =
                candidate.segment.observe(x, time, outlier, prior) + if i < newest { stay } else { 0.0 };
            let (score, weight) = (f64::from(candidate.score) + gain, f64::from(candidate.weight) + gain);
            (candidate.score, candidate.weight) = (score as f32, weight as f32);
            (best, likeliest) = (best.max(score), likeliest.max(weight));
        }
        for candidate in &mut self.candidates {
            candidate.score = (f64::from(candidate.score) - best).min(0.0) as f32;
            candidate.weight = (f64::from(candidate.weight) - likeliest).min(0.0) as f32;
        }
        self.prune(place.row, s);
    }

    /// Adds the row as a possible start, after the best segmentation so far.
    fn add_start(
        &mut self,
        x: f64,
        place: Place,
        previous: &Previous,
        prior: &Prior,
        hazard: f64,
        s: &Settings,
    ) {
        let (mut score, mut weight, mut parent, mut before) = (0.0, 0.0, NONE, None);
        if let Some(best) = self.best() {
            let all: f64 = self.candidates.iter().map(|c| f64::from(c.weight).exp()).sum();
            let gain = hazard.ln() + prior.jump(x - previous.value);
            (score, weight, parent) = (f64::from(best.score) + gain, all.ln() + gain, best.start);
            before = Some(self.read(best, &previous.place, s));
        }
        let start = self.paths.add(Start {
            row: place.row,
            at: place.at,
            parent,
            before,
            probability: 0.0,
            alerted: None,
        });
        let (score, weight) = (score as f32, weight as f32);
        self.candidates.push(Candidate { start, score, weight, segment: Segment::new(x, prior) });
    }

    /// Keeps the best candidates of each octave of age, and the best of all. The best by score alone would be
    /// neighbours.
    fn prune(&mut self, row: u64, s: &Settings) {
        let (paths, young) = (&self.paths, row.saturating_sub(YOUNG));
        self.candidates
            .retain(|c| c.score > -s.hopeless || c.weight > -s.hopeless || paths.start(c.start).row > young);
        // The best segmentation may turn out wrong: the starts that it grew from stay.
        let kept = self.paths.used(self.best().map(|best| best.start).into_iter());
        let kept = |c: &Candidate| kept.has(c.start.into());
        let octave = |c: &Candidate| (row - self.paths.start(c.start).row + 1).ilog2();
        let mut end = self.candidates.len();
        while end > 0 {
            let band = octave(&self.candidates[end - 1]);
            let start = self.candidates[..end].iter().rposition(|c| octave(c) != band).map_or(0, |i| i + 1);
            for _ in s.per_band..end - start {
                let Some(worst) = worst(&self.candidates[start..end], kept) else { break };
                self.candidates.remove(start + worst);
                end -= 1;
            }
            end = start;
        }
        // The newest candidate has had no chance yet. Fewer are kept where the starts behind them take much room: rather
        // these than an earlier change.
        // One more may be alerted by this row.
        let alerted = self.paths.alerted() + 1;
        let most = |count: usize| budget::most_starts(row, count, alerted).max(count);
        let full = |list: &[Candidate]| self.paths.exceed(list.iter().map(|c| c.start), most(list.len()));
        while self.candidates.len() > MOST_CANDIDATES
            || self.candidates.len() > FEW_CANDIDATES && full(&self.candidates)
        {
            let old = &self.candidates[..self.candidates.len() - 1];
            let worst = worst(old, kept).or_else(|| worst(old, |_| false));
            self.candidates.remove(worst.unwrap_or(0));
        }
        let count = self.candidates.len();
        let most = most(count);
        self.paths.keep(self.candidates.iter_mut().map(|c| &mut c.start), most);
    }

    /// Marks the last change of the best segmentation as alerted once it is probable enough; returns a new alert.
    ///
    /// A start that has moved since `last` keeps the time at which the change was alerted first.
    pub fn alert(&mut self, last: Option<Alert>, now: &Place, s: &Settings) -> Option<Alert> {
        let best = self.best()?.start;
        let start = self.paths.start(best);
        start.before?;
        let (row, parent) = (start.row, start.parent);
        // A change is certain enough, whatever its row, if the segment began nearer to this start than to the one
        // before.
        let middle = self.paths.back(parent).next().map_or(row, |n| n.row + (row - n.row) / 2);
        let near = row.saturating_sub(s.margin);
        let [probability, since_middle] =
            self.probabilities(|start| [start.row >= near, start.row > middle], u64::MAX);
        let changed = since_middle.max(probability);
        let earlier = |alerted| self.paths.back(parent).any(|n| n.alerted == Some(alerted));
        let moved = last.map(|last| last.alerted).filter(|a| row <= a.row && !earlier(*a));
        let enough = changed >= s.alert && now.row - row + 1 >= s.alert_rows;

        let start = self.paths.start_mut(best);
        start.probability = start.probability.max(probability as f32);
        if start.alerted.is_some() || !(moved.is_some() || enough) {
            return None;
        }
        let alerted = moved.unwrap_or(Alerted { row: now.row, at: now.at });
        start.alerted = Some(alerted);
        moved.is_none().then_some(Alert { start: row, alerted })
    }

    /// Takes a season out of the noise of the current segments; `factor` is what it leaves of the variance.
    pub fn calm(&mut self, factor: f64, s: &Settings) {
        for candidate in &mut self.candidates {
            candidate.segment.calm(factor, s.noise_rows);
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for candidate in &mut self.candidates {
            candidate.segment.rescale(factor);
        }
        self.paths.rescale(factor);
    }

    /// The earliest time that is kept.
    pub fn earliest(&self) -> Option<i64> {
        self.paths.earliest()
    }

    pub fn check(&self, clock: &Clock) -> Check {
        let list = &self.candidates;
        structure(list.len() <= MOST_CANDIDATES, "it has too many candidates")?;
        structure(
            list.iter().all(|c| usize::from(c.start) < self.paths.len()),
            "a candidate has no start of a segment",
        )?;
        structure(
            list.windows(2).all(|w| w[0].start < w[1].start),
            "its candidates are not in the order of their starts",
        )?;
        self.paths.check(clock)?;
        list.iter().try_for_each(Candidate::check)
    }
}
