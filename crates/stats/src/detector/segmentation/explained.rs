//! Changes that a season explains which was found after them: without it the level before and after is the same.

use super::paths::Paths;
use super::reading::Reading;
use crate::detector::functions::{exp_of, ln_of};
use crate::detector::numbers::{Brief, LogOdds};
use crate::detector::scale::Prior;

/// Rows between two starts on a path: a segment, or several that the season makes one.
pub struct Stretch {
    /// Index of the first start, and the number of rows.
    pub start: u8,
    pub rows: f64,
    /// The mean value without the season, and the variance by which the season leaves that in doubt.
    pub mean: f64,
    pub doubt: f64,
    /// The reading of the longest segment, and its number of rows.
    pub reading: Reading,
    pub longest: f64,
}

impl Stretch {
    /// The stretch of both, of which the later one follows.
    fn with(&self, later: &Stretch) -> Stretch {
        let rows = self.rows + later.rows;
        let [before, after] = [self, later].map(|stretch| stretch.rows / rows);
        let longer = if self.longest < later.longest { later } else { self };
        Stretch {
            start: self.start,
            rows,
            mean: before * self.mean + after * later.mean,
            doubt: before * before * self.doubt + after * after * later.doubt,
            reading: longer.reading,
            longest: longer.longest,
        }
    }

    /// Variance of the mean.
    fn variance(&self, prior: &Prior) -> f64 {
        prior.noise / (prior.weight * self.rows) + self.doubt
    }

    /// Log of how much likelier the values are if the level changed between this and the later one.
    fn evidence(&self, later: &Stretch, prior: &Prior) -> f64 {
        let precision = 1.0 / (self.variance(prior) + later.variance(prior));
        0.5 * (precision * (later.mean - self.mean).powi(2) - ln_of(1.0 + precision * prior.level))
    }

    /// The reading of the rows without the season.
    fn calm(&self, prior: &Prior) -> Reading {
        Reading {
            level: self.mean,
            slope: 0.0,
            level_error: Brief::new(self.variance(prior).sqrt()),
            noise: Brief::new(prior.noise.sqrt()),
            weight: Brief::new(prior.weight * self.rows),
            census: self.reading.census.centred(),
            ..self.reading
        }
    }
}

/// Joins the stretches, newest first, between which nothing changed but the season: the least evidence decides first. A
/// change has the log of the odds `odds` before there is any. Returns the index of the start of the last stretch.
pub fn join(stretches: &mut Vec<Stretch>, odds: f64, prior: &Prior, paths: &mut Paths) -> Option<u8> {
    let evidence = |pair: &[Stretch]| pair[1].evidence(&pair[0], prior) + odds;
    while let Some((i, least)) =
        stretches.windows(2).map(evidence).enumerate().min_by(|a, b| a.1.total_cmp(&b.1))
    {
        if least > 0.0 {
            break;
        }
        let later = stretches.remove(i);
        stretches[i] = stretches[i].with(&later);
    }
    for pair in stretches.windows(2) {
        let start = paths.start_mut(pair[0].start);
        (start.parent, start.before) = (pair[1].start, Some(pair[1].calm(prior)));
        start.probability = LogOdds::of(1.0 / (1.0 + exp_of(-evidence(pair))));
    }
    stretches.first().map(|newest| newest.start)
}
