//! The whole history of a series: a detector, and beside it what the detector forgets to stay small.

use super::clock::Refused;
use super::options::Options;
use super::outliers::Outlier;
use super::report::{self, Change};
use super::segmentation::{Start, MOST_STARTS};
use super::settings::Settings;
use super::Detector;
use std::collections::TryReserveError;

/// A detector with all changes and outliers since the first row. It grows with these.
#[derive(Clone, Debug)]
pub struct History {
    detector: Detector,
    /// Starts of the most probable segmentation, oldest first, as they were when its newest start was last another.
    starts: Vec<Start>,
    newest: u64,
    /// Size of the unit in which the starts are kept.
    unit: f64,
    outliers: Vec<Outlier>,
}

impl History {
    /// The history of a series without rows.
    pub fn new(timed: bool, options: Options) -> History {
        let (starts, outliers) = (Vec::new(), Vec::new());
        History { detector: Detector::new(timed, options), starts, newest: 0, unit: 1.0, outliers }
    }

    /// Makes room for the next row: it may need that of all starts that a detector remembers.
    pub fn reserve(&mut self) -> Result<(), TryReserveError> {
        self.starts.try_reserve(MOST_STARTS)?;
        self.outliers.try_reserve(1)
    }

    /// Takes in a row, for which there is room. Without a finite value it only advances time.
    pub fn observe(&mut self, x: Option<f64>, at: Option<i64>, s: &Settings) -> Result<(), Refused> {
        self.detector.observe(x, at, s)?;
        let newest = self.detector.segmentation.current_start();
        if newest != self.newest {
            // A start is forgotten only long after it was the newest.
            self.newest = newest;
            self.remember();
        }
        let last = self.outliers.last().map(|o| o.row);
        self.outliers.extend(self.detector.outliers.list().last().filter(|o| Some(o.row) > last).cloned());
        Ok(())
    }

    /// Takes over the most probable segmentation, and keeps those earlier starts that the detector has forgotten.
    fn remember(&mut self) {
        let unit = self.detector.scale.unit();
        if unit != self.unit {
            for before in self.starts.iter_mut().filter_map(|start| start.before.as_mut()) {
                before.rescale(self.unit / unit);
            }
            self.unit = unit;
        }
        let segmentation = &self.detector.segmentation;
        let oldest = segmentation.starts().last().map_or(0, |start| start.row);
        self.starts.retain(|start| start.row < oldest && !segmentation.remembers(start.row));
        let earlier = self.starts.len();
        self.starts.extend(segmentation.starts().cloned());
        self.starts[earlier..].reverse();
    }

    /// All changes of the most probable segmentation, and all rows that stand out, in order of rows.
    ///
    /// Fails if there is no memory for them.
    pub fn changes(&mut self, s: &Settings) -> Result<Vec<Change>, TryReserveError> {
        if self.detector.scale.waits() {
            return Ok(self.detector.changes(s));
        }
        self.starts.try_reserve(MOST_STARTS)?;
        self.remember();
        let mut changes = Vec::new();
        changes.try_reserve_exact(self.starts.len() + self.outliers.len())?;
        report::changes(self.detector.seen(s), self.starts.iter().rev(), &self.outliers, &mut changes, s);
        Ok(changes)
    }

    /// Whether rows have times.
    pub fn timed(&self) -> bool {
        self.detector.timed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::outliers::MOST_OUTLIERS;
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const SETTINGS: Settings = Settings::DEFAULT;

    /// A history and a detector of the same rows, levels of about 100 rows with spikes, in a unit that grows; the rows at
    /// which the level changed, and those that stood out.
    fn seen(levels: usize, growth: f64) -> (History, Detector, Vec<u64>, Vec<u64>) {
        let mut outliers = Vec::new();
        let mut history = History::new(false, Options::new(false));
        let mut detector = Detector::new(false, Options::new(false));
        let rng = &mut ChaCha8Rng::seed_from_u64(5);
        let (mut level, mut next, mut turns) = (0.0, 100, vec![]);
        for i in 0..levels * 100 {
            let spike = if turns.len() % 5 == 2 && i + 35 == next { 300.0 } else { 0.0 };
            // Levels that came in turn after as many rows each would be a season.
            if i == next {
                turns.push(next as u64);
                (level, next) = (12.0 - level, next + rng.random_range(70..=130));
            }
            let noise: f64 = (0..4).map(|_| rng.random_range(-1.0..1.0)).sum();
            let x = (level + spike + noise) * growth.powi((i / 1000) as i32);
            history.reserve().unwrap();
            history.observe(Some(x), None, &SETTINGS).unwrap();
            detector.observe(Some(x), None, &SETTINGS).unwrap();
            outliers.extend(detector.outliers.list().last().map(|o| o.row));
        }
        outliers.dedup();
        (history, detector, turns, outliers)
    }

    #[test]
    fn nothing_is_forgotten() {
        let (mut history, detector, turns, outliers) = seen(200, 1.0);
        let all = history.changes(&SETTINGS).unwrap();
        for turn in turns {
            assert!(all.iter().any(|c| c.row.abs_diff(turn) < 3 && c.alerted.is_some()), "row {turn}");
        }
        assert!(outliers.len() > MOST_OUTLIERS, "{outliers:?}");
        for outlier in outliers {
            assert!(all.iter().any(|c| c.row.abs_diff(outlier) <= SETTINGS.margin), "row {outlier}");
        }
        assert!(all.len() < 420, "{} changes", all.len());
        assert!(all.windows(2).all(|w| w[0].row < w[1].row));
        // What the detector still knows is the same; it does not know the rows before its oldest change.
        let newest = detector.changes(&SETTINGS);
        assert!(newest.len() < 30);
        for change in newest {
            let same = all.iter().find(|c| c.row == change.row).expect("the change");
            assert!(change.rows_before.is_none() || *same == change, "{change:?}\n{same:?}");
        }
    }

    #[test]
    fn what_is_forgotten_keeps_its_size_when_the_unit_changes() {
        let (mut history, ..) = seen(60, 1e4);
        let all = history.changes(&SETTINGS).unwrap();
        let first = all.iter().find(|c| c.row.abs_diff(100) < 3).expect("the first change");
        assert!((first.difference() - 12.0).abs() < 1.0, "{first:?}");
    }

    #[test]
    fn a_few_rows_are_judged_as_by_a_detector() {
        let (mut history, mut detector, ..) = seen(0, 1.0);
        assert!(history.changes(&SETTINGS).unwrap().is_empty());
        for i in 0..18 {
            let x = Some(if i < 9 { 0.1 * f64::from(i % 3) } else { 50.0 + 0.1 * f64::from(i % 3) });
            history.reserve().unwrap();
            history.observe(x, None, &SETTINGS).unwrap();
            detector.observe(x, None, &SETTINGS).unwrap();
        }
        assert_eq!(history.changes(&SETTINGS).unwrap(), detector.changes(&SETTINGS));
        assert_eq!(history.changes(&SETTINGS).unwrap().len(), 1);
    }
}
