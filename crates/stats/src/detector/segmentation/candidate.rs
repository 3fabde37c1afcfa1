//! A possible start of the current segment, with its evidence.

use super::census::Census;
use super::segment::Segment;
use crate::detector::check::{number, Check};
use crate::detector::scale::Prior;
use serde::{Deserialize, Serialize};

/// A possible start of the current segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Index of its start in the paths.
    pub start: u8,
    /// Log probability of the best segmentation that ends with it, relative to the best of all.
    pub score: f32,
    /// Log probability that the current segment began here, relative to the most probable start.
    pub weight: f32,
    /// Statistics of the rows since.
    pub segment: Segment,
    /// Means over all of these rows, of which none is an outlier.
    pub census: Census,
}

impl Candidate {
    /// Goes on at a level, this many steps after its start, as if it had seen one row of it.
    pub fn go_on_at(&mut self, level: f64, steps: f64, prior: &Prior) {
        let segment = Segment::begin(&prior.row_alone(level, 0.0), prior);
        self.census = Census::begin(level - segment.mean());
        self.segment = segment.later(steps);
    }

    pub fn check(&self) -> Check {
        let sound = [self.score, self.weight].iter().all(|x| *x <= 0.0 && x.is_finite());
        number(sound, "the probability of a candidate is out of range")?;
        self.census.check()?;
        self.segment.check()
    }
}

/// Index of the candidate with the least score among those that are not kept.
pub fn worst(candidates: &[Candidate], kept: impl Fn(usize, &Candidate) -> bool) -> Option<usize> {
    let loose = candidates.iter().enumerate().filter(|(i, c)| !kept(*i, c));
    loose.min_by(|(_, a), (_, b)| a.score.total_cmp(&b.score)).map(|(i, _)| i)
}
