//! The start of the last N values, found by counts.

use super::geometry::FANOUT;
use crate::tally::Tally;

/// The leaf in which the last values begin.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// The leaf that is cut, or wholly used up by the last value needed.
    pub leaf: i64,
    /// Number of values of that leaf that belong to the last ones; at least 1.
    pub need: i64,
    /// The tally of all later leaves.
    pub after: Tally,
}

/// Finds the leaf in which the last `need` values begin; `None` if there are fewer.
///
/// `tops` are the nodes of level `level` that may hold values, latest first; `tally` returns what the leaves
/// `first ..= last` hold. Asks it O(10 level) times beyond the tops.
pub fn last(need: i64, tops: &[i64], level: u32, mut tally: impl FnMut(i64, i64) -> Tally) -> Option<Cut> {
    let mut cut = Cut { leaf: 0, need, after: Tally::EMPTY };
    let mut candidates = tops.to_vec();
    for level in (0..=level).rev() {
        cut.leaf = candidates.into_iter().find(|&node| {
            let (first, last) = leaves(node, level);
            let part = tally(first, last);
            let ends_here = part.num_vals() >= cut.need;
            if !ends_here {
                cut.need -= part.num_vals();
                cut.after.merge(&part);
            }
            ends_here
        })?;
        let (first, last) = (i128::from(cut.leaf) * 10, i128::from(cut.leaf) * 10 + 9);
        candidates = (first..=last).rev().filter_map(|node| node.try_into().ok()).collect();
    }
    Some(cut)
}

/// The leaves below a node, as far as there are such leaves.
fn leaves(node: i64, level: u32) -> (i64, i64) {
    let width = i128::from(FANOUT).pow(level);
    let first = i128::from(node) * width;
    let clamp = |leaf: i128| leaf.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
    (clamp(first), clamp(first + width - 1))
}
