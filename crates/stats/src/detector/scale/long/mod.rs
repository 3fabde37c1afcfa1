//! A season of many rows, as of a day of rows every few minutes or a week of hours, which is no part of the level.
//!
//! A season is sought among the means of blocks of rows, whose length it is not told, and kept as a curve of a few slots.

mod curve;
mod search;
mod slots;
mod turns;

use crate::detector::check::Check;
use curve::Curve;
use search::SeasonSearch;
use serde::{Deserialize, Serialize};

/// The season, or what may become one. Places are in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LongSeason {
    Sought(SeasonSearch),
    /// A season that the rows seem to have: does it foretell those that come?
    Tried(Curve),
    Found(Curve),
}

/// A season that was found, or lost, just now.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The level without the season.
    pub level: f64,
    /// Steps in which a season that was lost did not come.
    pub lost: Option<f64>,
    /// Mean square of what the season adds to a difference between neighbours.
    pub increments: f64,
    /// Variance of the season; 0 if it was lost.
    pub variance: f64,
}

impl Turn {
    /// Changes the unit of the values.
    pub fn rescaled(self, factor: f64) -> Turn {
        let squares = factor * factor;
        let (increments, variance) = (self.increments * squares, self.variance * squares);
        Turn { level: self.level * factor, increments, variance, ..self }
    }
}

impl Default for LongSeason {
    fn default() -> LongSeason {
        LongSeason::Sought(SeasonSearch::default())
    }
}

impl LongSeason {
    /// Deviation from the level at a place.
    #[inline]
    pub fn deviation(&self, place: f64) -> f64 {
        match self {
            LongSeason::Sought(_) | LongSeason::Tried(_) => 0.0,
            LongSeason::Found(curve) => curve.deviation(place),
        }
    }

    /// Mean deviation from the level between two places, and the variance of its error.
    pub fn mean(&self, from: f64, to: f64) -> (f64, f64) {
        match self {
            LongSeason::Found(curve) => curve.mean(from, to),
            LongSeason::Sought(_) | LongSeason::Tried(_) => (0.0, 0.0),
        }
    }

    /// Share of an independent observation that a row is worth in noise of this variance, by how much the means of slots
    /// vary: as long as the season is not well known, what it leaves is correlated.
    pub fn worth(&self, noise: f64) -> f64 {
        match self {
            LongSeason::Found(curve) => {
                let (rows, rest) = curve.rest();
                (noise / (rows.max(1.0) * rest.max(f64::MIN_POSITIVE))).min(1.0)
            }
            LongSeason::Sought(_) | LongSeason::Tried(_) => 1.0,
        }
    }

    /// Share of a row's evidence that is left where the season is not known row by row.
    #[inline]
    pub fn certainty(&self, place: f64, noise: f64) -> f64 {
        match self {
            LongSeason::Found(curve) => noise / (noise + curve.vague(place)).max(f64::MIN_POSITIVE),
            LongSeason::Sought(_) | LongSeason::Tried(_) => 1.0,
        }
    }

    /// Whether a season was found.
    pub fn found(&self) -> bool {
        matches!(self, LongSeason::Found(_))
    }

    /// Seeks from here on: what was seen before had another season.
    pub fn begin_again(&mut self) {
        if !self.found() {
            *self = LongSeason::default();
        }
    }

    /// Learns the value at a place, without its season. `period` is that of the calendar in steps, if any, and `noise`
    /// tells the variances of a row, and of means of rows by what a row is worth in them, which only a curve asks for.
    /// Returns the level if a season is found or lost by it.
    pub fn learn(
        &mut self,
        calm: f64,
        place: f64,
        period: f64,
        noise: impl Fn() -> (f64, f64),
    ) -> Option<Turn> {
        match self {
            LongSeason::Sought(search) => {
                let curve = search.learn(calm, place, period)?;
                *self = LongSeason::Tried(curve);
                None
            }
            LongSeason::Tried(curve) => {
                let (noise, of_means) = noise();
                if !curve.foretell(calm - curve.deviation(place), place, noise, of_means)? {
                    *self = LongSeason::Sought(SeasonSearch::again());
                    return None;
                }
                let turn = Turn {
                    level: curve.level(),
                    lost: None,
                    increments: curve.increments(),
                    variance: curve.variance(),
                };
                *self = LongSeason::Found(curve.clone());
                Some(turn)
            }
            LongSeason::Found(curve) => {
                if curve.learn(calm, place, noise().0) {
                    return None;
                }
                let (level, steps) = (curve.level(), curve.remembered());
                *self = LongSeason::Sought(SeasonSearch::again());
                Some(Turn { level, lost: Some(steps), increments: 0.0, variance: 0.0 })
            }
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        match self {
            LongSeason::Sought(search) => search.rescale(factor),
            LongSeason::Tried(curve) | LongSeason::Found(curve) => curve.rescale(factor),
        }
    }

    pub fn check(&self) -> Check {
        match self {
            LongSeason::Sought(search) => search.check(),
            LongSeason::Tried(curve) | LongSeason::Found(curve) => curve.check(),
        }
    }
}
