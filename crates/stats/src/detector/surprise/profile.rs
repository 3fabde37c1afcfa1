//! The season of a series: how its level and its jumps differ by phase of the period.

use crate::detector::check::{number, up_to, within, Check, MOST_VALUE};
use crate::detector::functions::{exp, ln};
use crate::detector::numbers::Short;
use crate::detector::settings::Settings;
use serde::{Deserialize, Serialize};
use wide::f64x2;

/// The number of slots of the period: hours, if it is a day.
const SLOTS: usize = 24;
/// Values at which the jumps of a slot are trusted by half.
const SHRINKAGE: f64 = 20.0;

/// Deviations from the level, and mean jumps, by phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The slot of the last row, and the periods that have passed.
    last: u8,
    periods: u8,
    rows: [u8; SLOTS],
    deviations: [Short; SLOTS],
    jumps: [Short; SLOTS],
}

/// The usual at a phase, by the rows before.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    pub phase: f64,
    slot: usize,
    /// Deviation from the level; none before it is known from an earlier period.
    pub deviation: Option<f64>,
    /// Whether the deviations have been tried for a period: those of the first may be wrong because of a change in it.
    pub tried: bool,
    /// Size of noise relative to that of all phases, by the rows before, and by the row as well.
    pub noise_before: f64,
    pub noise: f64,
}

impl Profile {
    /// The usual at a phase from 0 to 1; `jumps` are the mean jumps of the rows before, and of the row as well, of which the
    /// share `quiet` counts at least.
    pub fn usual(&self, phase: f64, jumps: [f64; 2], quiet: f64, s: &Settings) -> Usual {
        let slot = (whole(phase * SLOTS as f64) as usize).min(SLOTS - 1);
        let rows = f64::from(self.rows[slot]);
        let jumps = f64x2::new(jumps);
        let quiet = jumps * quiet;
        let relative = (quiet + self.jumps[slot].get()) / (jumps + quiet);
        // Shrunk on the logarithmic scale.
        let noise = exp(ln(relative) * (rows / (rows + SHRINKAGE)));
        let [noise_before, noise] = relative.simd_gt(0.0).select(noise, f64x2::ONE).to_array();
        let periods = self.periods.saturating_add(u8::from(slot < usize::from(self.last)));
        let known = periods > 0 && self.rows[slot] >= s.profile_least;
        let deviation = known.then_some(self.deviations[slot].get());
        Usual { phase, slot, deviation, tried: periods > 1, noise_before, noise }
    }

    /// The usual deviation of the slot of a phase; 0 before it has been tried.
    pub fn slot(&self, phase: f64, s: &Settings) -> f64 {
        let slot = (whole(phase * SLOTS as f64) as usize).min(SLOTS - 1);
        if self.tried() && self.rows[slot] >= s.profile_least {
            self.deviations[slot].get()
        } else {
            0.0
        }
    }

    /// The usual deviation at a phase, between those of the two nearest slots if rows are a smaller `step` of phase
    /// apart than these; 0 before they have been tried.
    pub fn season(&self, phase: f64, step: f64, s: &Settings) -> f64 {
        let slots = SLOTS as f64;
        // The first rows of slots are taken to be at their beginnings, and so their means half a step before the middle.
        let middle = 0.5 * (1.0 - step * slots);
        let place = phase * slots + if middle > 0.0 { slots - middle } else { 0.0 };
        let first = whole(place) as usize % SLOTS;
        let next = if first + 1 < SLOTS { first + 1 } else { 0 };
        if !self.tried() || self.rows[first].min(self.rows[next]) < s.profile_least {
            return 0.0;
        }
        let [first, next] = [first, next].map(|slot| self.deviations[slot].get());
        first + if middle > 0.0 { (place - f64::from(whole(place))) * (next - first) } else { 0.0 }
    }

    /// The sum of the usual deviations of the rows from one phase to another, less than a period later, where they are a
    /// `step` of phase apart; 0 before they have been tried.
    pub fn sum(&self, from: f64, to: f64, step: f64) -> f64 {
        if !self.tried() {
            return 0.0;
        }
        let (mut place, mut left) = (from * SLOTS as f64, (to - from).rem_euclid(1.0) * SLOTS as f64);
        let mut sum = 0.0;
        // Rounding may take one slot more than there are.
        for _ in 0..=SLOTS {
            if left == 0.0 {
                break;
            }
            let part = (place.floor() + 1.0 - place).min(left);
            sum += part * self.deviations[place as usize % SLOTS].get();
            (place, left) = (place + part, left - part);
        }
        sum / (step * SLOTS as f64)
    }

    /// Whether the deviations have been tried for a period.
    pub fn tried(&self) -> bool {
        self.periods > 1
    }

    /// The mean jump in a slot.
    pub fn jump(&self, usual: Usual) -> f64 {
        self.jumps[usual.slot].get()
    }

    /// Learns the deviation from the level and the jump of a row.
    pub fn learn(&mut self, usual: Usual, deviation: f64, jump: f64, s: &Settings) {
        let slot = usual.slot;
        self.periods = self.periods.saturating_add(u8::from(slot < usize::from(self.last)));
        self.last = slot as u8;
        let rows = self.rows[slot].saturating_add(1).min(s.profile_memory);
        self.rows[slot] = rows;
        for (mean, x) in [(&mut self.deviations[slot], deviation), (&mut self.jumps[slot], jump)] {
            *mean = Short::new(mean.get() + (x - mean.get()) / f64::from(rows));
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for x in self.deviations.iter_mut().chain(&mut self.jumps) {
            *x = Short::new(x.get() * factor);
        }
    }

    pub fn check(&self) -> Check {
        let sound = self.deviations.iter().all(|x| within(x.get(), MOST_VALUE))
            && self.jumps.iter().all(|x| up_to(x.get(), MOST_VALUE));
        number(sound, "a mean of its season is out of range")
    }
}

/// The whole slots of a place. In 32 bits: processors need several steps for a conversion to 64 bits without a sign.
fn whole(slots: f64) -> u32 {
    slots as u32
}
