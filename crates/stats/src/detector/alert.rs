//! What is told when: changes once they are probable, and single rows that stand out.

use super::candidates::Place;
use super::path::Told;
use super::reading::bounded;
use super::settings::Settings;
use super::state::Detector;
use super::views::Surprise;
use serde::{Deserialize, Serialize};

/// Outliers that are kept, the newest.
pub(super) const MOST_OUTLIERS: usize = 3;

/// A row that stands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    pub row: u64,
    pub at: i64,
    pub value: f64,
    pub expected: f64,
    /// Standard deviation of the noise then.
    pub noise: f64,
    pub score: f32,
}

impl Detector {
    /// Marks the last change of the best segmentation as told, once it is probable enough.
    pub(super) fn tell(&mut self, row: u64, at: i64, s: &Settings) {
        let Some(best) = self.candidates.best() else { return };
        let (index, node) = (usize::from(best.node), self.candidates.node(best));
        if node.before.is_none() {
            return;
        }
        let (start, parent) = (node.row, node.parent);
        let probability = self.candidates.probability_since(start.saturating_sub(s.margin as u64));
        // That there was a change, wherever it was: that the segment began nearer to here than to the start before.
        let middle = self.candidates.paths.back(parent).next().map_or(start, |n| n.row + (start - n.row) / 2);
        let changed = self.candidates.probability_since(middle + 1).max(probability);
        let before = |told: &Told| self.candidates.paths.back(parent).any(|n| n.told.as_ref() == Some(told));
        // A start that has moved keeps the time at which the change was told first.
        let moved = self.told.filter(|(_, told)| start <= told.row && !before(told));
        let node = &mut self.candidates.paths.nodes[index];
        node.probability = node.probability.max(probability as f32);
        let enough = changed >= s.alert && (row - start + 1) as f64 >= s.alert_rows;
        if node.told.is_none() && (moved.is_some() || enough) {
            let told = moved.map_or(Told { row, at }, |(_, told)| told);
            node.told = Some(told);
            if moved.is_none() {
                self.told = Some((start, told));
            }
        }
    }

    /// Keeps a row that stands out, with its value as it was given, if none did just before.
    pub(super) fn notice(&mut self, row: u64, at: i64, value: f64, surprise: Surprise, s: &Settings) {
        let louder = self.silence == 0 || surprise.score > f64::from(self.loudest) + s.stronger;
        if surprise.score < s.outlier || !louder {
            return;
        }
        self.silence = s.silence as u16;
        self.loudest = surprise.score as f32;
        if self.outliers.len() == MOST_OUTLIERS {
            self.outliers.remove(0);
        }
        let unit = self.unit();
        let expected = bounded(surprise.expected * unit);
        let place = Place { row, at, step: self.step };
        let noise =
            self.candidates.best().map_or(0.0, |best| self.candidates.read(best, &place, s).noise.get());
        let (noise, score) = (bounded(noise * unit), surprise.score as f32);
        self.outliers.push(Outlier { row, at, value, expected, noise, score });
    }
}
