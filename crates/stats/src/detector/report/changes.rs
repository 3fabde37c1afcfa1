//! The changes that a detector reports.

use super::change::{Change, Kind};
use super::comparison::{compare, Ending};
use super::{Seen, CONFIDENCE};
use crate::detector::numbers::bounded;
use crate::detector::outliers::{Outlier, Outliers};
use crate::detector::settings::Settings;
use crate::student::margin;

/// The least noise by which outliers are measured: the least positive number.
const LEAST_NOISE: f64 = f64::from_bits(1);

/// Changes of the most probable segmentation, and rows that stand out away from them, in order of rows.
pub fn changes(seen: Seen, outliers: &Outliers, s: &Settings) -> Vec<Change> {
    let mut changes = segment_changes(seen, s);
    let explained = |row: u64| changes.iter().any(|c| row.abs_diff(c.row) <= s.margin);
    let alone = outliers.iter().filter(|o| !explained(o.row));
    let alone: Vec<Change> = alone.map(|o| outlier_change(seen, o)).collect();
    changes.extend(alone);
    changes.sort_by_key(|c| c.row);
    changes
}

/// The changes of the most probable segmentation, newest first.
fn segment_changes(seen: Seen, s: &Settings) -> Vec<Change> {
    let Seen { clock, segmentation, .. } = seen;
    let Some(now) = segmentation.reading(&clock.now(), s) else { return Vec::new() };
    let mut ending = Ending { reading: now, row: clock.rows(), at: clock.at(), beyond: 0.0 };
    let mut changes = Vec::new();
    let mut starts = segmentation.starts().peekable();
    while let Some(start) = starts.next() {
        let Some(before) = start.before else { break };
        let rows_before = starts.peek().map(|previous| start.row - previous.row);
        changes.push(compare(seen, start, before, ending, rows_before));
        ending = Ending { reading: before, row: start.row, at: start.at, beyond: 1.0 };
    }
    changes
}

fn outlier_change(seen: Seen, outlier: &Outlier) -> Change {
    let noise = outlier.noise;
    let difference = bounded(outlier.value - outlier.expected);
    let reach = margin(f64::from(u8::MAX), CONFIDENCE, noise);
    let start = seen.segmentation.starts().next().map_or(0, |start| start.row);
    Change {
        row: outlier.row,
        at: outlier.at,
        alerted: Some((outlier.row, outlier.at)),
        kind: if difference < 0.0 { Kind::Dip } else { Kind::Spike },
        probability: 1.0 - 10f64.powf(-f64::from(outlier.score)),
        before: outlier.expected,
        after: outlier.value,
        errors: (noise, 0.0),
        interval: (bounded(difference - reach), bounded(difference + reach)),
        effect_sd: bounded(difference / noise.max(LEAST_NOISE)),
        step: seen.step(),
        rows_before: outlier.row.checked_sub(start),
        rows_after: 1,
    }
}
