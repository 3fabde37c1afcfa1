//! The changes that a detector reports.

use super::bursts::settled;
use super::change::{Change, Kind};
use super::comparison::{compare, Ending};
use super::{echoes, rhythm, states, weekends, Seen};
use crate::detector::forecast::OF_NORMAL;
use crate::detector::numbers::bounded;
use crate::detector::outliers::Outlier;
use crate::detector::segmentation::Start;
use crate::detector::settings::Settings;

/// The least noise by which outliers are measured: the least positive number.
const LEAST_NOISE: f64 = f64::from_bits(1);

/// Adds to an empty list the changes between the segments that begin at these starts, newest first, and the rows that
/// stand out away from them; in order of rows.
pub fn changes<'a>(
    seen: Seen,
    starts: impl Iterator<Item = &'a Start> + Clone,
    outliers: &[Outlier],
    changes: &mut Vec<Change>,
    s: &Settings,
) {
    segment_changes(seen, starts.clone(), changes, s);
    let between = changes.len();
    let mut starts = starts.peekable();
    for outlier in outliers.iter().rev() {
        while starts.next_if(|start| start.row > outlier.row).is_some() {}
        let near = changes[..between].partition_point(|c| c.row > outlier.row + s.margin);
        if changes[near..between].first().is_none_or(|c| c.row + s.margin < outlier.row) {
            changes.push(outlier_change(seen, outlier, starts.peek().map(|start| start.row)));
        }
    }
    changes.sort_unstable_by_key(|c| c.row);
    rhythm::mark(seen, changes, s);
    weekends::mark(seen, changes, s);
    states::mark(changes, seen.clock.rows(), s);
    echoes::mark(seen, changes);
}

/// Adds the changes between segments, newest first.
fn segment_changes<'a>(
    seen: Seen,
    starts: impl Iterator<Item = &'a Start>,
    changes: &mut Vec<Change>,
    s: &Settings,
) {
    let Seen { clock, segmentation, .. } = seen;
    let Some(now) = segmentation.reading(&clock.now(), s) else { return };
    let mut ending = Ending { reading: now, row: clock.rows(), at: clock.at(), beyond: 0.0 };
    let mut starts = settled(starts, s).peekable();
    while let Some(start) = starts.next() {
        let Some(before) = start.before else { break };
        let rows_before = starts.peek().map(|previous| start.row - previous.row);
        changes.push(compare(seen, &start, before, ending, rows_before));
        ending = Ending { reading: before, row: start.row, at: start.at, beyond: 1.0 };
    }
}

/// Describes a row that stands out; `start` is the first row of its segment.
fn outlier_change(seen: Seen, outlier: &Outlier, start: Option<u64>) -> Change {
    let noise = outlier.noise.get();
    let difference = bounded(outlier.value - outlier.expected);
    let reach = OF_NORMAL * noise;
    let usual = (seen.within(outlier.expected - reach), seen.within(outlier.expected + reach));
    Change {
        row: outlier.row,
        at: outlier.at,
        alerted: Some((outlier.row, outlier.at)),
        kind: if difference < 0.0 { Kind::Dip } else { Kind::Spike },
        probability: 1.0 - 10f64.powf(-outlier.score.get()),
        before: outlier.expected,
        after: outlier.value,
        errors: (noise, 0.0),
        usual: Some(usual),
        season: outlier.seasonal.then_some(seen.period),
        recurs: None,
        rarity: None,
        between: [None; 2],
        interval: (bounded(difference - reach), bounded(difference + reach)),
        effect_sd: bounded(difference / noise.max(LEAST_NOISE)),
        step: seen.step(),
        rows_before: start.map(|start| outlier.row - start),
        rows_after: 1,
    }
}
