//! A second opinion of a segment, in which every row counts alike.
//!
//! Segments choose which rows are outliers, and in skewed noise or between two states that choice confirms itself: one
//! that began in a quiet stretch takes all large values for outliers, and explains the series better than one that
//! began before. The census of both is then the same.

use super::lanes::Lanes;
use crate::detector::check::{number, up_to, within, Check, MOST_VALUE};
use crate::detector::numbers::{single, Brief};
use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};

/// Means over all rows of a segment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Census {
    /// Mean value, relative to the mean of the segment.
    offset: f32,
    /// Mean size of the differences between neighbouring rows.
    activity: f32,
}

/// A census at one time, relative to the level that the segment had by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CensusReading {
    offset: Brief,
    activity: Brief,
}

impl Census {
    /// A census of one row, this far from the mean of the segment. The difference that leads to it is that between two
    /// segments.
    pub fn begin(distance: f64) -> Census {
        Census { offset: single(distance), activity: 0.0 }
    }

    /// Puts the numbers into a lane.
    #[inline(always)]
    pub fn widen<V: IndexMut<usize, Output = f64>>(&self, lanes: &mut Lanes<V>, i: usize) {
        lanes.census_offset[i] = self.offset.into();
        lanes.census_activity[i] = self.activity.into();
    }

    /// Takes them from a lane.
    #[inline(always)]
    pub fn narrow<V: Index<usize, Output = f64>>(&mut self, lanes: &Lanes<V>, i: usize) {
        self.offset = lanes.census_offset[i] as f32;
        self.activity = lanes.census_activity[i] as f32;
    }

    /// The census relative to a level that is this much above the mean of the segment.
    pub fn read(&self, above: f64) -> CensusReading {
        let offset = Brief::new(f64::from(self.offset) - above);
        CensusReading { offset, activity: Brief::new(self.activity.into()) }
    }

    /// Takes a season out of the differences; `factor` is what it leaves of the variance.
    pub fn calm(&mut self, factor: f64) {
        self.activity = single(f64::from(self.activity) * factor.sqrt());
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.offset = single(f64::from(self.offset) * factor);
        self.activity = single(f64::from(self.activity) * factor);
    }

    pub fn check(&self) -> Check {
        let sound = self.offset.is_finite() && up_to(self.activity.into(), MOST_VALUE);
        number(sound, "a mean over all rows of a segment is out of range")
    }
}

impl CensusReading {
    /// The census relative to the mean of all rows.
    pub fn centred(self) -> CensusReading {
        CensusReading { offset: Brief::default(), ..self }
    }

    /// Mean value less the level, and mean size of the differences.
    pub fn means(&self) -> (f64, f64) {
        (self.offset.get(), self.activity.get())
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for number in [&mut self.offset, &mut self.activity] {
            *number = Brief::new(number.get() * factor);
        }
    }

    pub fn sound(&self) -> bool {
        within(self.offset.get(), f64::from(f32::MAX)) && self.activity.known()
    }
}
