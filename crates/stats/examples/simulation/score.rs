//! Scores: how well segments and windows were found.

use tally_stats::detector::Settings;

/// Rows by which a found change may be off.
const MARGIN: usize = 5;
/// Share of the rows in which nothing counts: the detector is still learning.
const LEARNING: f64 = 0.15;
const MOST_LEARNING: usize = 750;
/// Cost of a false alert, and of the same at a window's worth of 2: nine false rows undo one window found late.
const FALSE: f64 = 0.11;

/// Scores of a series with changes.
pub struct Changes {
    pub cover: f64,
    pub f1: f64,
    pub false_per_1000: f64,
    pub hits: usize,
    pub changes: usize,
}

pub fn changes(truth: &[usize], found: &[usize], n: usize) -> Changes {
    let mut left = found.to_vec();
    let mut hits = 0;
    for &cut in truth {
        let near =
            left.iter().enumerate().min_by_key(|(_, f)| f.abs_diff(cut)).map(|(i, f)| (i, f.abs_diff(cut)));
        if let Some((i, distance)) = near {
            if distance <= MARGIN {
                left.remove(i);
                hits += 1;
            }
        }
    }
    // The first row counts as a change that everybody finds.
    let all = (truth.len() + found.len() + 2) as f64;
    Changes {
        cover: cover(truth, found, n),
        f1: 2.0 * (hits + 1) as f64 / all,
        false_per_1000: 1000.0 * (found.len() - hits) as f64 / n as f64,
        hits,
        changes: truth.len(),
    }
}

fn segments(cuts: &[usize], n: usize) -> Vec<(usize, usize)> {
    let mut ends = vec![0];
    ends.extend(cuts);
    ends.push(n);
    ends.windows(2).map(|w| (w[0], w[1])).collect()
}

/// Mean over the rows of the best overlap of the segment that a row is in.
fn cover(truth: &[usize], found: &[usize], n: usize) -> f64 {
    let found = segments(found, n);
    let best = |(a, b): (usize, usize)| {
        let overlap =
            |(u, v): (usize, usize)| b.min(v).saturating_sub(a.max(u)) as f64 / (b.max(v) - a.min(u)) as f64;
        found.iter().map(|&s| overlap(s)).fold(0.0, f64::max) * (b - a) as f64
    };
    segments(truth, n).into_iter().map(best).sum::<f64>() / n as f64
}

/// Surprises of a metric, row by row, and its windows.
pub struct Watched {
    pub surprises: Vec<f32>,
    pub windows: Vec<(usize, usize)>,
    /// The kind of anomaly in each.
    pub kinds: Vec<usize>,
}

/// Scores of alerts at a threshold.
#[derive(Default)]
pub struct Alerts {
    pub worth: f64,
    pub found: usize,
    pub windows: usize,
    pub wrong: usize,
    /// Rows outside the windows.
    pub clean: usize,
    pub delays: Vec<usize>,
    /// The worth of each window.
    pub worths: Vec<f64>,
}

impl Watched {
    fn learned(&self) -> usize {
        ((self.surprises.len() as f64 * LEARNING) as usize).min(MOST_LEARNING)
    }

    fn window(&self, row: usize) -> Option<usize> {
        self.windows.iter().position(|w| (w.0..=w.1).contains(&row))
    }

    /// Rows that are alerted, as the detector silences those that follow one.
    fn alerted(&self, threshold: f64, s: &Settings) -> Vec<usize> {
        let (mut until, mut loudest) = (0, 0.0);
        let alert = |(row, &score): (usize, &f32)| {
            let score = f64::from(score);
            let admitted = score >= threshold && (row >= until || score > loudest + s.stronger);
            if admitted {
                (until, loudest) = (row + usize::from(s.silence), score);
            }
            admitted.then_some(row)
        };
        self.surprises.iter().enumerate().filter_map(alert).collect()
    }

    /// A window found is worth 1, and up to 1 more the earlier it is; a false alert costs.
    pub fn score(&self, threshold: f64, s: &Settings) -> Alerts {
        let learned = self.learned();
        let mut alerts = Alerts {
            windows: self.windows.len(),
            clean: (learned..self.surprises.len()).filter(|row| self.window(*row).is_none()).count(),
            ..Alerts::default()
        };
        let mut first: Vec<Option<usize>> = vec![None; self.windows.len()];
        for row in self.alerted(threshold, s).into_iter().filter(|row| *row >= learned) {
            match self.window(row) {
                Some(i) => first[i] = first[i].or(Some(row)),
                None => alerts.wrong += 1,
            }
        }
        for (row, window) in first.iter().zip(&self.windows) {
            let before = alerts.worth;
            if let Some(row) = row {
                let late = (row - window.0) as f64 / (window.1 - window.0).max(1) as f64;
                alerts.found += 1;
                alerts.delays.push(row - window.0);
                alerts.worth += 1.0
                    + (2.0 / (1.0 + (5.0 * (late - 1.0)).exp()) - 1.0) / (2.0 / (1.0 + (-5f64).exp()) - 1.0);
            }
            alerts.worths.push(alerts.worth - before);
        }
        alerts.worth -= FALSE * alerts.wrong as f64;
        alerts
    }

    /// Rows of a clean series with at least these surprises, per thousand, whether silenced or not.
    pub fn exceeding(&self, thresholds: &[f64]) -> Vec<f64> {
        let rows = &self.surprises[self.learned()..];
        let share =
            |t: &f64| rows.iter().filter(|x| f64::from(**x) >= *t).count() as f64 / rows.len().max(1) as f64;
        thresholds.iter().map(|t| 1000.0 * share(t)).collect()
    }
}
