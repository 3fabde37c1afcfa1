//! Ranges of leaves: those that nodes cannot answer for, and what is left between them.

use crate::pg::memory::heap::{self, room};
use crate::powertree::model::tree::Tree;
use crate::powertree::store::span::Span;

/// The first and the last of neighbouring leaves.
pub type Run = (i64, i64);

/// Spans in order, those that overlap or adjoin being one.
pub fn together(spans: &[Span]) -> Vec<Run> {
    let spans = spans.iter().map(|span| (span.first, span.last));
    let mut sorted = heap::collect(spans.filter(|(first, last)| first <= last));
    sorted.sort_unstable();
    let mut together: Vec<Run> = Vec::new();
    room(&mut together, sorted.len());
    for (first, last) in sorted {
        match together.last_mut() {
            Some(before) if before.1.checked_add(1).is_none_or(|next| first <= next) => {
                before.1 = before.1.max(last);
            }
            _ => {
                room(&mut together, 1);
                together.push((first, last));
            }
        }
    }
    together
}

/// Returns the runs that touch the leaves `first ..= last`, cut to these.
pub fn within(runs: &[Run], first: i64, last: i64) -> impl Iterator<Item = Run> + '_ {
    let touching = &runs[runs.partition_point(|run| run.1 < first)..];
    touching.iter().take_while(move |run| run.0 <= last).map(move |run| (run.0.max(first), run.1.min(last)))
}

/// Says whether a leaf is in one of the runs.
pub fn contains(runs: &[Run], leaf: i64) -> bool {
    within(runs, leaf, leaf).next().is_some()
}

/// Returns the runs of nodes, on each level those of one block, that hold these leaves. What ends with the line is held by the nodes of the topmost level:
/// beyond there are no leaves.
pub fn cover(tree: &Tree, (first, last): Run) -> Vec<tally_stats::tree::Run> {
    let (least, greatest) = tree.position.ends();
    let top = 10_i128.pow(tree.height - 1);
    let begin = |leaf: i64| i128::from(leaf).div_euclid(top) * top;
    let (mut wide_first, mut wide_last) = (first, last);
    if first == tree.leaves.of(least) {
        wide_first = begin(first).try_into().unwrap_or(first);
    }
    if last == tree.leaves.of(greatest) {
        wide_last = (begin(last) + top - 1).try_into().unwrap_or(last);
    }
    tally_stats::tree::cover(wide_first, wide_last, tree.height)
}

/// Returns what the leaves `first ..= last` have between runs, which are in order and apart.
pub fn gaps(first: i64, last: i64, runs: impl Iterator<Item = Run>) -> Vec<Run> {
    let mut gaps = Vec::new();
    let mut add = |gap: Run| {
        if gap.0 <= gap.1 {
            room(&mut gaps, 1);
            gaps.push(gap);
        }
    };
    // The next leaf to account for; none after the last leaf of the line.
    let mut next = Some(first);
    for (begin, end) in runs {
        let Some(from) = next else { break };
        if begin > from {
            add((from, begin - 1));
        }
        next = end.checked_add(1);
    }
    if let Some(from) = next {
        add((from, last));
    }
    gaps
}
