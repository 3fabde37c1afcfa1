//! Forecasts of the next rows.
//!
//! Eight simple forecasts stand for kinds of series, from those that stay where they are to those that come back to
//! their level or follow the season. How wrong each has been, one row ahead and more, decides how much it counts, so
//! nothing has to be chosen.

mod errors;
mod experts;
mod far;
mod moments;

pub use experts::{Experts, Forecasted};

/// Standard deviations of the normal distribution that hold 95 of 100 rows on both sides of the mean.
pub const OF_NORMAL: f64 = 1.96;

/// The number of simple forecasts.
const EXPERTS: usize = 8;
/// The last row, and where the jumps lead it that come at the same times of each period.
const LAST: usize = 0;
const JUMPED: usize = 7;
/// The most of a deviation from the level that a forecast keeps in a step: levels are found again, even on walks.
const MOST_KEPT: f64 = 0.95;

/// The usual for a row: its mean, and the distance from it within which 95 of 100 rows are.
#[derive(Clone, Copy, Debug)]
pub struct Expectation {
    pub mean: f64,
    pub reach: f64,
}

/// Knowledge from which a row is forecast, in the unit of the detector.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Level of the current segment at the row that is forecast.
    pub level: f64,
    /// Deviation from that level by the season that was learnt, if any, and what that adds to the last row; as long as it
    /// is sought, what it may add.
    pub learnt: f64,
    pub turn: f64,
    /// The last value, the mean of the last ten without the season, and the level beside which the season is seen.
    pub last: f64,
    pub calm: f64,
    pub around: f64,
    /// The season at the row that is forecast, and at the last one: smooth, and as one number for each hour of a day, where
    /// work begins and ends.
    pub season: f64,
    pub season_before: f64,
    pub slot: f64,
    pub slot_before: f64,
    /// The way that the level beside which the season is seen goes with it until the row before the forecast one.
    pub moved: f64,
    /// The jumps from the last row to the one that is forecast, and by how much those of its slot set it apart in that.
    pub jumps: f64,
    pub edge: f64,
    /// Whether the jumps alone have made all rows of a period.
    pub repeats: bool,
    /// The last row less the row before it.
    pub direction: f64,
    /// Share of a deviation from the level that is left in the next row.
    pub kept: f64,
    /// Share of a direction that is left in the next row; less than 1.
    pub impetus: f64,
}

impl Known {
    /// The simple forecasts of the row this many steps ahead; the first is the last row.
    pub fn forecasts(&self, ahead: f64) -> [f64; EXPERTS] {
        let level = self.level + self.learnt;
        // A period of a few rows has no turns but those that are learnt.
        let turns = self.season != self.season_before;
        let moved = if ahead > 1.0 { self.moved } else { 0.0 };
        let turn = if turns { self.slot - self.slot_before + moved } else { self.turn };
        let kept = power(self.kept.min(MOST_KEPT), ahead);
        let steps = self.impetus * (1.0 - power(self.impetus, ahead)) / (1.0 - self.impetus);
        [
            self.last,
            level,
            level + kept * (self.last + self.turn - level),
            self.last + turn,
            self.calm + self.season + moved,
            self.around + self.slot + self.edge + moved,
            self.last + steps * self.direction,
            self.last + self.jumps,
        ]
    }

    /// Factor by which the error of a forecast this many steps ahead is greater than that of one step, after this many
    /// rows, as long as no forecast so far ahead was compared with its row. What is kept is taken to be a standard error more
    /// than it seems: too little would promise too much.
    pub fn growth(&self, ahead: f64, rows: f64) -> f64 {
        let kept = (self.kept + 1.0 / rows.max(1.0).sqrt()).min(1.0);
        let (ahead, forgotten) = (ahead.max(1.0), 1.0 - kept * kept);
        if forgotten > 0.0 {
            ((1.0 - power(kept, 2.0 * ahead)) / forgotten).sqrt()
        } else {
            ahead.sqrt()
        }
    }
}

/// A power; of few whole steps by multiplications, which are the same everywhere.
fn power(x: f64, steps: f64) -> f64 {
    if steps <= 2.0 * far::DISTANCES[1] && steps.fract() == 0.0 {
        x.powi(steps as i32)
    } else {
        x.powf(steps)
    }
}
