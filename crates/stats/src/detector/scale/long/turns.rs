//! Sharpness of the turns of a curve, which has a mean for each slot but does not say in which row it turns.

use crate::detector::check::up_to;
use crate::detector::numbers::{between, single};
use serde::{Deserialize, Serialize};

/// Standard deviations at which what rows vary at a turn is cut off.
const REACH: f64 = 3.0;
/// Periods that the share remembers.
const MEMORY: f64 = 30.0;

/// The share of the turns that are sharp.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turns {
    sharp: f32,
    /// Sums over this period of what the rows vary more than the noise at turns, and would if all were sharp.
    excess: f32,
    most: f32,
}

impl Default for Turns {
    fn default() -> Turns {
        Turns { sharp: 1.0, excess: 0.0, most: 0.0 }
    }
}

impl Turns {
    /// Variance of a deviation between the second and the third of four neighbouring slots, at this share of the way between
    /// their middles, if all turns are sharp: each row has the value on one side or on the other.
    #[inline]
    pub fn variance([before, first, next, after]: [f64; 4], share: f64) -> f64 {
        let within = |a: f64, b: f64, c: f64| ((b - a) * (c - b)).max(0.0);
        let inside = (1.0 - share) * within(before, first, next) + share * within(first, next, after);
        inside + share * (1.0 - share) * (next - first).powi(2)
    }

    /// The share of the turns that are sharp.
    #[inline]
    pub fn sharp(&self) -> f64 {
        self.sharp.into()
    }

    /// Takes in a row this far from the curve, where sharp turns have this variance beside the noise.
    pub fn observe(&mut self, off: f64, variance: f64, noise: f64) {
        let square = (off * off).min(REACH * REACH * (noise + variance));
        self.excess = single(f64::from(self.excess) + variance * (square - noise));
        self.most = single(f64::from(self.most) + variance * variance);
    }

    /// Ends a period, before which there were as many.
    pub fn wrap(&mut self, periods: f64) {
        let [excess, most] = [&mut self.excess, &mut self.most].map(|sum| f64::from(std::mem::take(sum)));
        let sharp = if most > 0.0 { between(excess / most, 0.0, 1.0) } else { 1.0 };
        self.sharp += ((sharp - f64::from(self.sharp)) / periods.min(MEMORY)) as f32;
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for fourth in [&mut self.excess, &mut self.most] {
            *fourth = (f64::from(*fourth) * factor.powi(4)) as f32;
        }
    }

    pub fn sound(&self) -> bool {
        up_to(self.sharp.into(), 1.0) && self.excess.is_finite() && self.most.is_finite()
    }
}
