//! Segmentation of a series: the possible starts of the current segment, each with its evidence.
//!
//! Two recursions run side by side over the possible starts: max-product, whose best path is the most probable
//! segmentation (Fearnhead & Liu 2007), and sum-product, the run-length probabilities (Adams & MacKay 2007).

mod budget;
mod candidate;
mod census;
mod explained;
mod lanes;
mod odds;
mod paths;
mod reading;
mod segment;
mod wander;

#[cfg(test)]
pub use budget::{LONG_ROWS, ROOM};
pub use paths::{Start, MOST_STARTS};
pub use reading::Reading;

use super::alerts::{Alert, Alerted};
use super::check::{structure, Check};
use super::clock::{Clock, Place};
use super::functions::{exp_pair, ln_of, ln_pair};
use super::numbers::LogOdds;
use super::scale::Prior;
use super::settings::Settings;
use super::vector::Vector;
use candidate::{worst, Candidate};
use census::Census;
use explained::Stretch;
use fearless_simd::{dispatch, f64x4, f64x8, Level};
use lanes::Lanes;
use paths::{Marks, Paths, NONE};
use segment::Segment;
use serde::{Deserialize, Serialize};

/// The most candidates in a stored state: as many as the widest vector has numbers.
const MOST_CANDIDATES: usize = 8;
/// The candidates that are kept in any case.
const FEW_CANDIDATES: usize = 4;

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
        self.candidates.iter().reduce(|best, c| if c.score >= best.score { c } else { best })
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
        let last = self.newest().map_or(place.at, |(_, at)| at);
        candidate.segment.read(
            [self.paths.start(candidate.start).at, last].map(|at| place.since(at)),
            s.noise_rows,
            &candidate.census,
        )
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
        for (candidate, p) in self.candidates.iter().zip(self.chances()) {
            let start = self.paths.start(candidate.start);
            if start.row < until {
                all += p;
                for (since, after) in since.iter_mut().zip(after(start)) {
                    *since += if after { p } else { 0.0 };
                }
            }
        }
        since.map(|since| if all > 0.0 { since / all } else { 0.0 })
    }

    /// Probabilities of the candidates, relative to that of the most probable one.
    fn chances(&self) -> impl Iterator<Item = f64> + '_ {
        let weight = |c: Option<&Candidate>| c.map_or(0.0, |c| c.weight.into());
        let pairs = self.candidates.chunks(2).map(move |c| [weight(c.first()), weight(c.get(1))]);
        pairs.flat_map(exp_pair).take(self.candidates.len())
    }

    /// Probability that the current segment began at this row or later.
    pub fn probability_since(&self, row: u64) -> f64 {
        self.probability(|start| start.row >= row, u64::MAX)
    }

    /// Takes in a row: it may begin a segment, and it is evidence for or against every start. Then they are to be pruned.
    pub fn observe(
        &mut self,
        x: f64,
        place: Place,
        previous: &Previous,
        prior: &Prior,
        hazard: f64,
        s: &Settings,
    ) {
        let [begins, stays] = ln_pair([hazard, 1.0 - hazard]);
        let row = prior.row_alone(x, x - previous.value);
        let (start, score, weight) = self.begin(place, previous, begins + row.step, s);
        let outlier = row.outlier;
        let newest = self.newest().map_or(place.at, |(_, at)| at);
        let steps = (x, previous.value, place.since(newest), stays);
        // With the instructions that the processor has, all of which lead to the same bits.
        dispatch!(Level::new(), simd => match self.candidates.len() {
            0..=4 => self.go_on::<f64x4<_>>(simd, steps, &place, outlier, prior),
            _ => self.go_on::<f64x8<_>>(simd, steps, &place, outlier, prior),
        });
        let segment = Segment::begin(&row, prior);
        let (score, weight) = ((score + row.likelihood) as f32, (weight + row.likelihood) as f32);
        let census = Census::begin(x - segment.mean());
        self.candidates.push(Candidate { start, score, weight, segment, census });
        let best = self.candidates.iter().fold(f32::NEG_INFINITY, |best, c| best.max(c.score));
        let likeliest = self.candidates.iter().fold(f32::NEG_INFINITY, |best, c| best.max(c.weight));
        for candidate in &mut self.candidates {
            candidate.score -= best;
            candidate.weight -= likeliest;
        }
    }

    /// Takes in a row as one of the segments so far, which are not more than a vector has numbers: `x`, the value before, the
    /// steps since then, and the log of the probability that no segment begins.
    #[inline(always)]
    fn go_on<V: Vector>(
        &mut self,
        simd: V::Kind,
        (x, previous, steps, stay): (f64, f64, f64, f64),
        place: &Place,
        outlier: f64,
        prior: &Prior,
    ) {
        let mut lanes = Lanes::<V>::empty(simd);
        for (i, candidate) in (0..V::LEN).zip(&self.candidates) {
            let start = self.paths.start(candidate.start);
            candidate.segment.widen(&mut lanes, i);
            candidate.census.widen(&mut lanes, i);
            lanes.since[i] = place.since(start.at);
            lanes.age[i] = (place.row - start.row + 1) as f64;
        }
        let gains = lanes.observe([x, previous], steps, outlier, prior);
        for (i, candidate) in (0..V::LEN).zip(&mut self.candidates) {
            candidate.segment.narrow(&lanes, i);
            candidate.census.narrow(&lanes, i);
            let gain = gains[i] + stay;
            candidate.score = (f64::from(candidate.score) + gain) as f32;
            candidate.weight = (f64::from(candidate.weight) + gain) as f32;
        }
    }

    /// Adds the row as a possible start, after the best segmentation so far; returns it with its score and weight.
    /// `jump` is the log of its probability and the evidence of the step from the row before.
    fn begin(&mut self, place: Place, previous: &Previous, jump: f64, s: &Settings) -> (u8, f64, f64) {
        let (mut score, mut weight, mut parent, mut before) = (0.0, 0.0, NONE, None);
        if let Some(best) = self.best() {
            let all: f64 = self.chances().sum();
            (score, weight, parent) = (f64::from(best.score) + jump, ln_of(all) + jump, best.start);
            before = Some(self.read(best, &previous.place, s));
        }
        let start = self.paths.add(Start {
            row: place.row,
            at: place.at,
            parent,
            before,
            probability: LogOdds::NEVER,
            alerted: None,
        });
        (start, score, weight)
    }

    /// Keeps the best candidates of each octave of age, and the best of all. The best by score alone would be
    /// neighbours.
    pub fn prune(&mut self, row: u64, s: &Settings) {
        let (paths, young) = (&self.paths, row.saturating_sub(YOUNG));
        self.candidates
            .retain(|c| c.score > -s.hopeless || c.weight > -s.hopeless || paths.start(c.start).row > young);
        // The best segmentation may turn out wrong: the starts that it grew from stay.
        let kept = self.paths.used(self.best().map(|best| best.start).into_iter());
        let kept = |c: &Candidate| kept.has(c.start.into());
        let octave = |c: &Candidate| (row - self.paths.start(c.start).row + 1).ilog2();
        let mut dropped = Marks::default();
        let mut first = 0;
        for band in self.candidates.chunk_by(|a, b| octave(a) == octave(b)) {
            for _ in s.per_band..band.len() {
                let Some(worst) = worst(band, |i, c| kept(c) || dropped.has(first + i)) else { break };
                dropped.add(first + worst);
            }
            first += band.len();
        }
        self.drop(dropped);
        // The newest candidate has had no chance yet. Fewer are kept where the starts behind them take much room: rather
        // these than an earlier change.
        // One more may be alerted by this row.
        let alerted = self.paths.alerted() + 1;
        let most = |count: usize| budget::most_starts(row, count, alerted).max(count);
        while self.candidates.len() > MOST_CANDIDATES
            || self.candidates.len() > FEW_CANDIDATES
                && self.paths.exceed(self.leaves(), most(self.candidates.len()))
        {
            let old = &self.candidates[..self.candidates.len() - 1];
            let worst = worst(old, |_, c| kept(c)).or_else(|| worst(old, |_, _| false));
            self.candidates.remove(worst.unwrap_or(0));
        }
        let numbers = self.paths.keep(self.candidates.iter().map(|c| c.start), most(self.candidates.len()));
        for candidate in &mut self.candidates {
            candidate.start = numbers.of(candidate.start);
        }
    }

    /// The starts of the candidates.
    fn leaves(&self) -> impl Iterator<Item = u8> + Clone + '_ {
        self.candidates.iter().map(|candidate| candidate.start)
    }

    /// Drops candidates.
    fn drop(&mut self, dropped: Marks) {
        let mut i = 0;
        self.candidates.retain(|_| {
            i += 1;
            !dropped.has(i - 1)
        });
    }

    /// Marks the last change of the best segmentation as alerted once it is probable enough; returns a new alert.
    ///
    /// A start that has moved since `last` keeps the time at which the change was alerted first.
    pub fn alert(&mut self, last: Option<Alert>, now: &Place, s: &Settings) -> Option<Alert> {
        let best = self.best()?.start;
        let start = self.paths.start(best);
        start.before?;
        if start.alerted.is_some() && start.probability == LogOdds::CERTAIN {
            return None;
        }
        let (row, parent) = (start.row, start.parent);
        if self.paths.back(parent).next().is_some_and(|n| n.before.is_none() && row - n.row < s.alert_rows) {
            return None;
        }
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
        if start.probability != LogOdds::CERTAIN {
            start.probability = start.probability.max(LogOdds::of(probability));
        }
        if start.alerted.is_some() || !(moved.is_some() || enough) {
            return None;
        }
        let alerted = moved.unwrap_or(Alerted { row: now.row, at: now.at });
        start.alerted = Some(alerted);
        moved.is_none().then_some(Alert { start: row, alerted })
    }

    /// Goes on at a level from a place: a season was found, of which `season` has the mean deviation between two times and its variance, or it did not
    /// come any more from a time `lost` on. What seemed to change then was the season, and so was each change so far that
    /// the season explains.
    pub fn resume(
        &mut self,
        level: f64,
        place: &Place,
        lost: Option<i64>,
        season: impl Fn([(u64, i64); 2]) -> (f64, f64),
        (prior, hazard): (&Prior, f64),
        s: &Settings,
    ) {
        let Some(best) = self.best() else { return };
        let (newest, now) = (best.start, self.read(best, place, s));
        let last = self.paths.last_before(newest, lost.unwrap_or(i64::MIN));
        let kept = if lost.is_some() {
            last
        } else {
            let mut stretches = self.stretches(newest, now, place, season);
            explained::join(&mut stretches, ln_of(hazard), prior, &mut self.paths).unwrap_or(last)
        };
        let time = place.since(self.paths.start(kept).at);
        let Some(mut candidate) = self.candidates.pop() else { return };
        candidate.go_on_at(level, time, prior);
        self.candidates.clear();
        self.candidates.push(Candidate { start: kept, score: 0.0, weight: 0.0, ..candidate });
        let numbers = self.paths.keep(std::iter::once(kept), MOST_STARTS);
        self.candidates[0].start = numbers.of(kept);
    }

    /// The segments on the way back from a start, newest first; `now` is the reading of the newest.
    fn stretches(
        &self,
        newest: u8,
        now: Reading,
        place: &Place,
        season: impl Fn([(u64, i64); 2]) -> (f64, f64),
    ) -> Vec<Stretch> {
        let (mut index, mut reading, mut end) = (newest, Some(now), (place.row, place.at));
        let segments = std::iter::from_fn(|| {
            let now = reading?;
            let start = self.paths.start(index);
            let rows = end.0.saturating_sub(start.row).max(1) as f64;
            let (deviation, doubt) = season([(start.row, start.at), end]);
            let mean = now.level + now.census.means().0 - deviation;
            let stretch = Stretch { start: index, rows, mean, doubt, reading: now, longest: rows };
            (index, reading, end) = (start.parent, start.before, (start.row, start.at));
            Some(stretch)
        });
        segments.collect()
    }

    /// Takes a season out of the noise of the current segments; `factor` is what it leaves of the variance.
    pub fn calm(&mut self, factor: f64, s: &Settings) {
        for candidate in &mut self.candidates {
            candidate.segment.calm(factor, s.noise_rows);
            candidate.census.calm(factor);
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for candidate in &mut self.candidates {
            candidate.segment.rescale(factor);
            candidate.census.rescale(factor);
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
