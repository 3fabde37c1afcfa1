//! The cheapest way to the nodes of a level.

use super::division::NodeRun;
use super::leaves::Run;
use crate::pg::memory::heap::{collect, room};

/// The cost of a node that is looked up, and of one that is read and not needed, in nodes that are passed over in the index.
const LOOK_UP: i128 = 30;
const UNNEEDED: i128 = 5;

/// Nodes between two that are read rather than looked for again.
const NEAR: i64 = 6;

/// A way to the blocks of a level, which are given from one to another.
pub enum Way {
    /// A pass over all series for each of these.
    Pass(Vec<Run>),
    /// Each of these looked up for each series.
    LookUp(Vec<Run>),
}

impl Way {
    /// Finds the cheapest way to the blocks that hold runs of a level, of which there are about this many blocks of all series.
    pub fn cheapest(runs: &[NodeRun], about: i64, num_series: i64) -> Way {
        let blocks = runs.iter().map(|run| (run.first.div_euclid(10), run.last.div_euclid(10)));
        let apart = joined(blocks, 1);
        let (Some(&(first, _)), Some(&(_, last))) = (apart.first(), apart.last()) else {
            return Way::Pass(Vec::new());
        };
        let near = joined(apart.iter().copied(), NEAR);
        let (about, num_series) = (i128::from(about), i128::from(num_series));
        let passes = apart.len() as i128 * about;
        let one_pass = about + UNNEEDED * about.min(num_series * unneeded(&apart));
        let look_ups =
            num_series * (LOOK_UP * near.len() as i128 + UNNEEDED * (unneeded(&apart) - unneeded(&near)));
        if look_ups <= passes.min(one_pass) {
            Way::LookUp(near)
        } else if passes <= one_pass {
            Way::Pass(apart)
        } else {
            Way::Pass(collect([(first, last)].into_iter()))
        }
    }
}

/// Joins runs in order that have fewer than `near` others between them.
fn joined(runs: impl Iterator<Item = Run>, near: i64) -> Vec<Run> {
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(before) if run.0.saturating_sub(before.1) <= near => before.1 = before.1.max(run.1),
            _ => {
                room(&mut joined, 1);
                joined.push(run);
            }
        }
    }
    joined
}

/// The number of blocks between runs.
fn unneeded(runs: &[Run]) -> i128 {
    runs.windows(2).map(|pair| i128::from(pair[1].0) - i128::from(pair[0].1) - 1).sum()
}
