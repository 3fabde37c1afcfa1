//! The possible starts of the current segment, each with its evidence.
//!
//! Two recursions run side by side over them: max-product, whose best path is the most probable segmentation (Fearnhead
//! & Liu 2007), and sum-product, the run-length probabilities (Adams & MacKay 2007).

use super::path::{Node, Paths, NONE};
use super::scale::Scale;
use super::segment::{Reading, Segment};
use super::settings::Settings;
use serde::{Deserialize, Serialize};

/// Candidates and nodes that a stored state has room for.
pub const MOST_CANDIDATES: usize = 8;
/// Steps count up to here from the start of a segment: the sum of their squares stays within single precision.
pub const MOST_STEPS: f64 = (1u64 << 50) as f64;
/// Bytes for both: 45 a candidate, 41 a node, 14 more if it was told.
const ROOM: usize = 1340;

/// A possible start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its node.
    pub node: u8,
    /// Log probability of the best segmentation that ends with it, relative to the best of all.
    pub score: f32,
    /// Log probability that the current segment began here, relative to the most probable start.
    pub weight: f32,
    /// What was seen since.
    pub segment: Segment,
}

/// All of them, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidates {
    pub list: Vec<Candidate>,
    pub paths: Paths,
}

/// Where a row is: its number, its time, and how long a step is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub row: u64,
    pub at: i64,
    pub step: f64,
}

/// The row before: its place and its value.
#[derive(Clone, Copy, Debug)]
pub struct Previous {
    pub place: Place,
    pub value: f64,
}

impl Place {
    /// Steps since a node.
    #[inline]
    pub fn since(&self, node: &Node) -> f64 {
        (self.at.saturating_sub(node.at) as f64 / self.step).min(MOST_STEPS)
    }
}

impl Candidates {
    /// The last segment of the most probable segmentation.
    pub fn best(&self) -> Option<&Candidate> {
        self.list.iter().max_by(|a, b| a.score.total_cmp(&b.score))
    }

    pub fn node(&self, candidate: &Candidate) -> &Node {
        &self.paths.nodes[usize::from(candidate.node)]
    }

    /// What a candidate's segment says of a place.
    pub fn read(&self, candidate: &Candidate, place: &Place, s: &Settings) -> Reading {
        candidate.segment.read(place.since(self.node(candidate)), s.noise_rows)
    }

    /// Probability that the current segment began where `after` is true, of the starts before `until`: of later ones
    /// nothing is known yet.
    pub fn probability(&self, after: impl Fn(&Node) -> bool, until: u64) -> f64 {
        let (mut since, mut all) = (0.0, 0.0);
        for candidate in &self.list {
            let node = self.node(candidate);
            if node.row < until {
                let p = f64::from(candidate.weight).exp();
                all += p;
                since += if after(node) { p } else { 0.0 };
            }
        }
        if all > 0.0 {
            since / all
        } else {
            0.0
        }
    }

    /// Probability that the current segment began at this row or later.
    pub fn probability_since(&self, row: u64) -> f64 {
        self.probability(|node| node.row >= row, u64::MAX)
    }

    /// One row: it may begin a segment, and it is evidence for or against every start.
    pub fn observe(
        &mut self,
        x: f64,
        place: Place,
        previous: &Previous,
        scale: &Scale,
        hazard: f64,
        s: &Settings,
    ) {
        self.begin(x, place, previous, scale, hazard, s);
        let outlier = scale.outlier(x);
        let (mut best, mut likeliest) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let stay = (-hazard).ln_1p();
        let newest = self.list.len() - 1;
        for (i, candidate) in self.list.iter_mut().enumerate() {
            let time = place.since(&self.paths.nodes[usize::from(candidate.node)]);
            let gain =
                candidate.segment.observe(x, time, outlier, scale) + if i < newest { stay } else { 0.0 };
            let (score, weight) = (f64::from(candidate.score) + gain, f64::from(candidate.weight) + gain);
            (candidate.score, candidate.weight) = (score as f32, weight as f32);
            (best, likeliest) = (best.max(score), likeliest.max(weight));
        }
        for candidate in &mut self.list {
            candidate.score = (f64::from(candidate.score) - best).min(0.0) as f32;
            candidate.weight = (f64::from(candidate.weight) - likeliest).min(0.0) as f32;
        }
        self.prune(place.row, s);
    }

    /// Adds the row as a possible start, after the best segmentation so far.
    fn begin(&mut self, x: f64, place: Place, previous: &Previous, scale: &Scale, hazard: f64, s: &Settings) {
        let (mut score, mut weight, mut parent, mut before) = (0.0, 0.0, NONE, None);
        if let Some(best) = self.best() {
            let all: f64 = self.list.iter().map(|c| f64::from(c.weight).exp()).sum();
            let gain = hazard.ln() + scale.jump(x - previous.value);
            (score, weight, parent) = (f64::from(best.score) + gain, all.ln() + gain, best.node);
            before = Some(self.read(best, &previous.place, s));
        }
        let node = self.paths.nodes.len() as u8;
        self.paths.nodes.push(Node {
            row: place.row,
            at: place.at,
            parent,
            before,
            probability: 0.0,
            told: None,
        });
        let (score, weight) = (score as f32, weight as f32);
        self.list.push(Candidate { node, score, weight, segment: Segment::new(x, scale) });
    }

    /// Keeps the best of each octave of age and of all. The best by score alone would be neighbours.
    fn prune(&mut self, row: u64, s: &Settings) {
        let hopeless = -s.hopeless as f32;
        self.list.retain(|c| c.score > hopeless || c.weight > hopeless);
        // The best segmentation may have to be mended: the starts that it grew from stay.
        let mut kept = [false; NONE as usize + 1];
        let mut next = self.best().map_or(NONE, |best| best.node);
        while let Some(node) = self.paths.nodes.get(usize::from(next)) {
            kept[usize::from(next)] = true;
            next = node.parent;
        }
        let kept = |c: &Candidate| kept[usize::from(c.node)];
        let octave = |c: &Candidate| (row - self.paths.nodes[usize::from(c.node)].row + 1).ilog2();
        let mut end = self.list.len();
        while end > 0 {
            let band = octave(&self.list[end - 1]);
            let start = self.list[..end].iter().rposition(|c| octave(c) != band).map_or(0, |i| i + 1);
            for _ in s.per_band as usize..end - start {
                let Some(worst) = worst(&self.list[start..end], kept) else { break };
                self.list.remove(start + worst);
                end -= 1;
            }
            end = start;
        }
        // The newest has had no chance yet.
        while self.list.len() > MOST_CANDIDATES {
            let old = &self.list[..MOST_CANDIDATES];
            let worst = worst(old, kept).or_else(|| worst(old, |_| false));
            self.list.remove(worst.unwrap_or(0));
        }
        let told = self.paths.nodes.iter().filter(|n| n.told.is_some()).count();
        let count = self.list.len();
        let most = ROOM.saturating_sub(45 * count + 14 * told) / 41;
        self.paths.keep(self.list.iter_mut().map(|c| &mut c.node), most.max(count));
    }

    pub fn scale(&mut self, factor: f64) {
        for candidate in &mut self.list {
            candidate.segment.scale(factor);
        }
        for node in &mut self.paths.nodes {
            if let Some(before) = &mut node.before {
                before.scale(factor);
            }
        }
    }
}

/// The candidate of the least score, of those that are not kept.
fn worst(candidates: &[Candidate], kept: impl Fn(&Candidate) -> bool) -> Option<usize> {
    let loose = candidates.iter().enumerate().filter(|(_, c)| !kept(c));
    loose.min_by(|(_, a), (_, b)| a.score.total_cmp(&b.score)).map(|(i, _)| i)
}
