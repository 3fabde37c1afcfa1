//! Forecasts of the next rows.
//!
//! Seven simple forecasts stand for seven kinds of series, from those that stay where they are to those that come back to
//! their level or follow the season. How wrong each has been decides how much it counts, so nothing has to be chosen.

mod experts;

pub use experts::Experts;

/// Standard deviations of the normal distribution that hold 95 of 100 rows on both sides of the mean.
pub const OF_NORMAL: f64 = 1.96;

/// The number of simple forecasts.
const EXPERTS: usize = 7;
/// The most of a deviation from the level that a forecast keeps in a step: levels are found again, even on walks.
const MOST_KEPT: f64 = 0.95;

/// The usual for a row: its mean, and the distance from it within which 95 of 100 rows are.
#[derive(Clone, Copy, Debug)]
pub struct Expectation {
    pub mean: f64,
    pub reach: f64,
}

/// Knowledge from which a row is forecast, in the unit of the detector.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Level of the current segment at the row that is forecast.
    pub level: f64,
    /// Deviation from that level by the season that was learnt, if any.
    pub learnt: f64,
    /// The last value, the mean of the last ten without the season, and the level beside which the season is seen.
    pub last: f64,
    pub calm: f64,
    pub around: f64,
    /// The season at the row that is forecast, and at the last one.
    pub season: f64,
    pub season_before: f64,
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
        // What a row is away from the level is forgotten step by step. The errors are those of one step.
        let left = self.left(ahead);
        let later = |x: f64| self.level + left * (x - self.level);
        let last = later(self.last);
        let level = self.level + self.learnt;
        let steps = if ahead > 1.0 { (1.0 - self.impetus.powf(ahead)) / (1.0 - self.impetus) } else { 1.0 };
        [
            last,
            level,
            level + self.kept.min(MOST_KEPT) * (last - level),
            later(self.last - self.season_before) + self.season,
            later(self.calm) + self.season,
            self.around + self.season,
            last + self.impetus * steps * self.direction,
        ]
    }

    /// Share of a deviation from the level after the next row that is left this many steps ahead.
    pub fn left(&self, ahead: f64) -> f64 {
        if ahead > 1.0 {
            self.kept.min(MOST_KEPT).powf(ahead - 1.0)
        } else {
            1.0
        }
    }

    /// Factor by which the error of a forecast this many steps ahead is greater than that of one step, after this many
    /// rows. What is kept is taken to be a standard error more than it seems: too little would promise too much.
    pub fn growth(&self, ahead: f64, rows: f64) -> f64 {
        let kept = (self.kept + 1.0 / rows.max(1.0).sqrt()).min(1.0);
        let (ahead, forgotten) = (ahead.max(1.0), 1.0 - kept * kept);
        if forgotten > 0.0 {
            ((1.0 - kept.powf(2.0 * ahead)) / forgotten).sqrt()
        } else {
            ahead.sqrt()
        }
    }
}
