//! What the code relies on, checked of every state that is read and after every row.

use super::alert::{Outlier, MOST_OUTLIERS};
use super::brief::Brief;
use super::candidates::{Candidate, MOST_CANDIDATES, MOST_STEPS};
use super::path::{Node, NONE};
use super::segment::{Reading, MOST_ODDS};
use super::state::{Detector, EXPONENTS};
use super::views::Views;

/// Values in the detector's unit stay far below.
const MOST_VALUE: f64 = 1e30;
/// Sums of their squares, likewise.
const MOST_SQUARES: f64 = 1e80;
/// Rows are counted exactly up to here.
pub(super) const MOST_ROWS: f64 = (1u64 << 53) as f64;

fn within(x: f64, most: f64) -> bool {
    (-most..=most).contains(&x)
}

fn up_to(x: f64, most: f64) -> bool {
    (0.0..=most).contains(&x)
}

fn known(x: Brief) -> bool {
    up_to(x.get(), f64::from(f32::MAX))
}

impl Reading {
    fn sound(&self) -> bool {
        within(self.level, MOST_VALUE)
            && self.slope.is_finite()
            && [self.level_error, self.slope_error, self.noise, self.weight].into_iter().all(known)
    }
}

impl Node {
    fn sound(&self) -> bool {
        self.before.is_none_or(|before| before.sound()) && (0.0..=1.0).contains(&self.probability)
    }
}

impl Candidate {
    fn sound(&self) -> bool {
        let g = &self.segment;
        let narrow = |x: f32| x >= f32::MIN_POSITIVE && x.is_finite();
        [self.score, self.weight].iter().all(|x| *x <= 0.0 && x.is_finite())
            && [g.prior, g.times, g.half_squares].into_iter().all(narrow)
            && up_to(g.weight.into(), MOST_ROWS)
            && within(g.mean, MOST_VALUE)
            && within(g.time.into(), MOST_STEPS)
            && g.products.is_finite()
            && within(g.slope_odds.into(), MOST_ODDS)
    }
}

impl Views {
    fn sound(&self) -> bool {
        [self.last, self.local, self.slow, self.jump, self.activity].iter().all(|x| within(*x, MOST_VALUE))
            && self.views.iter().all(|v| {
                up_to(v.rows.into(), MOST_ROWS)
                    && within(v.mean, MOST_VALUE)
                    && up_to(v.variance, MOST_SQUARES)
            })
            && self.tails.iter().flatten().all(|t| {
                t.quantile > 0.0
                    && [t.quantile, t.excess].iter().all(|x| up_to((*x).into(), MOST_VALUE))
                    && up_to(t.exceeded.into(), MOST_ROWS)
            })
            && self.profile.means.iter().all(|x| within((*x).into(), MOST_VALUE))
    }
}

impl Outlier {
    fn sound(&self) -> bool {
        self.value.is_finite()
            && self.expected.is_finite()
            && up_to(self.noise, f64::MAX)
            && up_to(self.score.into(), MOST_VALUE)
    }
}

impl Detector {
    /// Is it what a series may have led to?
    pub(super) fn possible(&self) -> bool {
        self.coherent() && self.sound()
    }

    /// Are there the rows, times and starts that it speaks of, in order?
    pub(super) fn coherent(&self) -> bool {
        let nodes = &self.candidates.paths.nodes;
        let list = &self.candidates.list;
        let nodes_coherent = nodes.iter().enumerate().all(|(i, n)| {
            let parent = usize::from(n.parent);
            n.told.is_none_or(|t| t.row >= n.row && t.row < self.rows && t.at >= n.at && t.at <= self.at)
                && (n.parent == NONE || parent < i && n.before.is_some())
        });
        (1.0..=MOST_ROWS * MOST_ROWS).contains(&self.step)
            && self.options.sensitivity > 0.0
            && self.options.sensitivity.is_finite()
            && self.options.period >= 0
            && self.rows <= MOST_ROWS as u64
            && (self.timed || self.at == self.rows as i64 - 1)
            && EXPONENTS.contains(&i32::from(self.exponent))
            && list.len() <= MOST_CANDIDATES
            && list.iter().all(|c| usize::from(c.node) < nodes.len())
            && list.windows(2).all(|w| w[0].node < w[1].node)
            && nodes.len() < usize::from(NONE)
            && nodes_coherent
            && self.in_order(nodes.iter().map(|n| (n.row, n.at)))
            && (self.first.is_empty() || list.is_empty())
            && self.in_order(self.first.iter().map(|r| (r.0, r.1)))
            && self.outliers.len() <= MOST_OUTLIERS
            && self.in_order(self.outliers.iter().map(|o| (o.row, o.at)))
            && self
                .told
                .is_none_or(|(start, told)| start <= told.row && told.row < self.rows && told.at <= self.at)
    }

    fn in_order(&self, mut rows: impl Iterator<Item = (u64, i64)>) -> bool {
        let mut last: Option<(u64, i64)> = None;
        rows.all(|(row, at)| {
            let before = last.replace((row, at));
            before.is_none_or(|b| b.0 < row && b.1 <= at) && row < self.rows && at <= self.at
        })
    }

    /// Are its numbers numbers, each in its range?
    pub(super) fn sound(&self) -> bool {
        let (spread, noise) = (&self.spread, &self.noise);
        [spread.rows, noise.rows, noise.far].iter().all(|x| up_to(*x, MOST_ROWS))
            && [spread.mean, noise.last, noise.difference].iter().all(|x| within(*x, MOST_VALUE))
            && up_to(noise.median, MOST_VALUE)
            && [spread.squares, noise.squares].iter().all(|x| up_to(*x, MOST_SQUARES))
            && within(noise.products, MOST_SQUARES)
            && self.first.iter().all(|r| r.2.is_finite())
            && self.candidates.paths.nodes.iter().all(Node::sound)
            && self.candidates.list.iter().all(Candidate::sound)
            && self.views.sound()
            && self.outliers.iter().all(Outlier::sound)
            && [Some(self.loudest), self.surprise].into_iter().flatten().all(|x| up_to(x.into(), MOST_VALUE))
    }

    /// The first and the last time of all that it keeps, where rows have times.
    pub fn times(&self) -> Option<(i64, i64)> {
        let kept = self.first.iter().map(|r| r.1);
        let kept = kept.chain(self.candidates.paths.nodes.iter().map(|n| n.at));
        let kept = kept.chain(self.outliers.iter().map(|o| o.at)).chain(self.told.map(|(_, told)| told.at));
        (self.timed && self.rows > 0).then(|| (kept.min().unwrap_or(self.at), self.at))
    }
}
