//! The stored form: a version byte, then the state as bincode writes it, validated when read.
//!
//! This is the only place that knows bincode: 2.0.1 is its last release, and another encoding would be another version.

use super::candidates::MOST_CANDIDATES;
use super::path::NONE;
use super::state::Detector;
use serde::Serialize;

/// The version that is written; 1 was never released.
pub const VERSION: u8 = 2;
/// No state is longer.
pub const MOST_BYTES: usize = 2048;

/// Why bytes are not a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// Cut off, too long, or otherwise not of the form.
    Damaged,
    /// Written by a version of pg_tally that this one does not know.
    Version(u8),
    /// Of the form, but no series leads to it.
    Impossible,
}

/// Memory that reading may claim: damaged lengths are refused before anything is allocated.
const MOST_MEMORY: usize = 16 * MOST_BYTES;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MOST_MEMORY>()
}

impl Detector {
    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MOST_BYTES);
        bytes.push(VERSION);
        write(self, &mut bytes);
        bytes
    }

    /// The detector of a stored form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Detector, CodecError> {
        match bytes {
            [VERSION, state @ ..] => {
                let (detector, read): (Detector, usize) =
                    bincode::serde::decode_from_slice(state, config()).map_err(|_| CodecError::Damaged)?;
                if read != state.len() {
                    return Err(CodecError::Damaged);
                }
                if !detector.possible() {
                    return Err(CodecError::Impossible);
                }
                Ok(detector)
            }
            [version, ..] => Err(CodecError::Version(*version)),
            [] => Err(CodecError::Damaged),
        }
    }

    /// What the code relies on: indexes that exist, times and rows in order, numbers that are numbers.
    fn possible(&self) -> bool {
        let nodes = &self.candidates.paths.nodes;
        let list = &self.candidates.list;
        let nodes_possible = nodes.iter().enumerate().all(|(i, n)| {
            let parent = usize::from(n.parent);
            let told = n.told.is_none_or(|t| t.row < self.rows && t.row >= n.row);
            let before = n.before.is_none_or(|r| r.level.is_finite() && r.slope.is_finite());
            n.row < self.rows
                && n.at <= self.at
                && told
                && before
                && (0.0..=1.0).contains(&n.probability)
                && (n.parent == NONE || parent < i && nodes[parent].row < n.row)
                && (n.parent == NONE || n.before.is_some())
        });
        let candidates_possible = list.iter().all(|c| {
            let g = &c.segment;
            usize::from(c.node) < nodes.len()
                && (c.score <= 0.0 && c.score.is_finite())
                && (c.weight <= 0.0 && c.weight.is_finite())
                && g.mean.is_finite()
                && [g.time, g.products, g.slope_odds].iter().all(|x| x.is_finite())
                && [g.prior, g.times, g.half_squares].iter().all(|x| *x > 0.0 && x.is_finite())
                && g.weight >= 0.0
                && g.weight.is_finite()
        });
        let in_order =
            list.windows(2).all(|w| w[0].node < w[1].node) && nodes.windows(2).all(|w| w[0].row < w[1].row);
        let first_possible = self.first.iter().all(|r| r.0 < self.rows && r.1 <= self.at && r.2.is_finite())
            && self.first.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1)
            && (self.first.is_empty() || list.is_empty());
        let (n, v) = (&self.noise, &self.views);
        let numbers = [self.spread.rows, self.spread.squares, n.rows, n.median, n.squares];
        let signed = [n.last, n.difference, n.products, self.spread.mean];
        let views = v.views.iter().all(|x| x.mean.is_finite() && x.variance >= 0.0 && x.rows >= 0.0)
            && v.tails.iter().flatten().all(|t| t.quantile > 0.0 && t.excess >= 0.0 && t.exceeded >= 0.0)
            && [v.last, v.local, v.slow, v.jump, v.activity].iter().all(|x| x.is_finite())
            && v.profile.means.iter().all(|x| x.is_finite());
        let options = self.options.sensitivity > 0.0
            && self.options.sensitivity.is_finite()
            && self.options.period >= 0;
        list.len() <= MOST_CANDIDATES
            && nodes.len() < usize::from(NONE)
            && nodes_possible
            && candidates_possible
            && in_order
            && first_possible
            && numbers.iter().all(|x| *x >= 0.0 && x.is_finite())
            && signed.iter().all(|x| x.is_finite())
            && views
            && options
            && self.step > 0.0
            && self.step.is_finite()
            && i32::from(self.exponent).abs() <= 1000
            && self.rows < i64::MAX as u64
            && (self.timed || self.at == self.rows as i64 - 1)
            && self
                .outliers
                .iter()
                .all(|o| o.row < self.rows && o.value.is_finite() && o.expected.is_finite() && o.noise >= 0.0)
            && self.told.as_ref().is_none_or(|(start, told)| *start <= told.row && told.row < self.rows)
    }
}

fn write(state: &impl Serialize, bytes: &mut Vec<u8>) {
    let written = bincode::serde::encode_into_std_write(state, bytes, bincode::config::standard());
    written.unwrap_or_else(|error| unreachable!("numbers were not written: {error}"));
}
