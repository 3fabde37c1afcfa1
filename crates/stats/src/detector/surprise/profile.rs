//! The season of a series: how its level and its jumps differ by phase of the period.

use crate::detector::check::{number, up_to, within, Check, MOST_VALUE};
use crate::detector::functions::{exp_pair, ln_pair};
use crate::detector::numbers::{Brief, Short};
use crate::detector::settings::Settings;
use serde::{Deserialize, Serialize};

/// The number of slots of the period: hours, if it is a day.
pub const SLOTS: usize = 24;
/// Spread of the deviations, relative to their mean, from which they are tried.
const STANDS_OUT: f64 = 0.2;
/// Values at which the jumps of a slot are trusted by half.
const SHRINKAGE: f64 = 20.0;

/// Deviations from the level, and mean jumps, by phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The slot of the last row, and the periods that have passed; of these the second ends when the season is tried.
    last: u8,
    periods: u8,
    rows: [u8; SLOTS],
    deviations: [Short; SLOTS],
    jumps: [Brief; SLOTS],
}

/// The usual at a phase, by the rows before.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    pub phase: f64,
    slot: usize,
    /// Deviation from the level; none before it is known from an earlier period.
    pub deviation: Option<f64>,
    periods: u8,
    /// Size of noise relative to that of all phases, by the rows before, and by the row as well.
    pub noise_before: f64,
    pub noise: f64,
}

impl Usual {
    /// Whether the deviations have been tried for a period.
    pub fn tried(&self) -> bool {
        self.periods > 1
    }
}

impl Profile {
    /// The usual at a phase from 0 to 1; `jumps` are the mean jumps of the rows before, and of the row as well, of which the
    /// share `quiet` counts at least.
    pub fn usual(&self, phase: f64, jumps: [f64; 2], quiet: f64, s: &Settings) -> Usual {
        let slot = slot_at(phase);
        let rows = f64::from(self.rows[slot]);
        let here = self.jumps[slot].get();
        let relative = jumps.map(|jump| (jump * quiet + here) / (jump + jump * quiet));
        // Shrunk on the logarithmic scale.
        let share = rows / (rows + SHRINKAGE);
        let noise = exp_pair(ln_pair(relative).map(|ln| ln * share));
        let [noise_before, noise] = [0, 1].map(|i| if relative[i] > 0.0 { noise[i] } else { 1.0 });
        let periods = self.periods_at(slot, s);
        let known = periods > 0 && self.rows[slot] >= s.profile_least;
        let deviation = known.then_some(self.deviations[slot].get());
        Usual { phase, slot, periods, deviation, noise_before, noise }
    }

    /// The periods that have passed at a row in a slot.
    fn periods_at(&self, slot: usize, s: &Settings) -> u8 {
        let begins = slot < usize::from(self.last);
        let ends = begins && (self.periods != 1 || self.stands_out(s));
        self.periods.saturating_add(u8::from(ends))
    }

    /// Whether all slots are known, and differ by enough. Beside a trend the level lags behind, at first by more from row to row,
    /// and the slots differ by that.
    fn stands_out(&self, s: &Settings) -> bool {
        let mean = self.mean(s);
        let slots = self.rows.iter().zip(&self.deviations).filter(|(rows, _)| **rows > 0);
        let (slots, known, squares) = slots.fold((0.0, true, 0.0), |(slots, known, squares), (rows, x)| {
            (slots + 1.0, known && *rows >= s.profile_least, squares + (x.get() - mean).powi(2))
        });
        known && squares > slots * (STANDS_OUT * mean).powi(2)
    }

    /// Mean deviation of the slots that are known. Beside a trend, all have the distance by which the level lags behind.
    pub fn mean(&self, s: &Settings) -> f64 {
        let known = self.rows.iter().zip(&self.deviations).filter(|(rows, _)| **rows >= s.profile_least);
        let (slots, sum) = known.fold((0.0, 0.0), |(slots, sum), (_, x)| (slots + 1.0, sum + x.get()));
        if slots > 0.0 {
            sum / slots
        } else {
            0.0
        }
    }

    /// The usual deviation of a slot; of one that is new, the mean of the others.
    fn of_slot(&self, slot: usize, s: &Settings) -> f64 {
        if self.rows[slot] >= s.profile_least {
            self.deviations[slot].get()
        } else {
            self.mean(s)
        }
    }

    /// The deviation that is taken out of a row of which this is the usual; 0 before it has been tried.
    pub fn taken_out(&self, usual: Usual, s: &Settings) -> f64 {
        if usual.tried() {
            self.of_slot(usual.slot, s)
        } else {
            0.0
        }
    }

    /// The usual deviation of the slot of a phase, whether it has been tried or not.
    pub fn untried(&self, phase: f64, s: &Settings) -> f64 {
        self.of_slot(slot_at(phase), s)
    }

    /// The usual deviation of the slot of a phase; 0 before it has been tried.
    pub fn slot(&self, phase: f64, s: &Settings) -> f64 {
        if self.tried() {
            self.untried(phase, s)
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
        if !self.tried() {
            return 0.0;
        }
        let [first, next] = [first, next].map(|slot| self.of_slot(slot, s));
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
        self.periods = usual.periods;
        self.last = slot as u8;
        let rows = self.rows[slot].saturating_add(1).min(s.profile_memory);
        self.rows[slot] = rows;
        let learn = |mean: f64, x: f64| mean + (x - mean) / f64::from(rows);
        self.deviations[slot] = Short::new(learn(self.deviations[slot].get(), deviation));
        self.jumps[slot] = Brief::new(learn(self.jumps[slot].get(), jump));
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.deviations.iter_mut().for_each(|x| *x = Short::new(x.get() * factor));
        self.jumps.iter_mut().for_each(|x| *x = Brief::new(x.get() * factor));
    }

    pub fn check(&self) -> Check {
        let sound = self.deviations.iter().all(|x| within(x.get(), MOST_VALUE))
            && self.jumps.iter().all(|x| up_to(x.get(), MOST_VALUE));
        number(sound, "a mean of its season is out of range")
    }
}

/// The slot of a phase.
fn slot_at(phase: f64) -> usize {
    (whole(phase * SLOTS as f64) as usize).min(SLOTS - 1)
}

/// The whole slots of a place. In 32 bits: processors need several steps for a conversion to 64 bits without a sign.
fn whole(slots: f64) -> u32 {
    slots as u32
}
