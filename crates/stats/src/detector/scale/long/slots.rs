//! Numbers in two bytes each, relative to the greatest of them.

use crate::detector::check::within;
use crate::detector::numbers::single;
use serde::{Deserialize, Serialize};

/// Slots of a curve.
pub const SLOTS: usize = 24;
/// The greatest number in units: another may become twice as great before the unit does.
const GREATEST: f64 = (1 << 14) as f64;

/// A number for each slot, as a multiple of their unit. Adjustments below half a unit are lost: noise brings larger ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slots {
    unit: f32,
    multiples: [[u8; 2]; SLOTS],
}

impl Slots {
    pub fn new(numbers: [f64; SLOTS]) -> Slots {
        let greatest = numbers.iter().fold(0.0, |greatest: f64, x| greatest.max(x.abs()));
        let unit = single(greatest / GREATEST);
        Slots { unit, multiples: numbers.map(|x| multiple(x, unit).to_be_bytes()) }
    }

    #[inline]
    pub fn get(&self, slot: usize) -> f64 {
        f64::from(i16::from_be_bytes(self.multiples[slot])) * f64::from(self.unit)
    }

    pub fn all(&self) -> [f64; SLOTS] {
        std::array::from_fn(|slot| self.get(slot))
    }

    pub fn set(&mut self, slot: usize, x: f64) {
        if x.abs() < 2.0 * GREATEST * f64::from(self.unit) - f64::from(self.unit) {
            self.multiples[slot] = multiple(x, self.unit).to_be_bytes();
        } else {
            let mut numbers = self.all();
            numbers[slot] = x;
            *self = Slots::new(numbers);
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.unit = single(f64::from(self.unit) * factor);
    }

    /// Whether all numbers have at most this magnitude.
    pub fn within(&self, most: f64) -> bool {
        self.unit >= 0.0 && self.all().into_iter().all(|x| within(x, most))
    }
}

/// The nearest multiple of a unit.
fn multiple(x: f64, unit: f32) -> i16 {
    if unit > 0.0 {
        (x / f64::from(unit)).round() as i16
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_they_were_set_whatever_their_size() {
        let mut numbers = [0.0; SLOTS];
        let mut slots = Slots::new(numbers);
        for (i, size) in (0..20 * SLOTS).zip([1e-12, 3.0, -1e6, 0.5, 2e6, -7.0].into_iter().cycle()) {
            let slot = i * 7 % SLOTS;
            numbers[slot] = size * (i + 1) as f64;
            slots.set(slot, numbers[slot]);
            let greatest = numbers.iter().fold(0.0, |greatest: f64, x| greatest.max(x.abs()));
            assert!((slots.get(slot) - numbers[slot]).abs() <= greatest / GREATEST, "{i}: {slots:?}");
        }
        let before = slots.all();
        slots.rescale(0.5);
        assert_eq!(slots.all(), before.map(|x| 0.5 * x));
    }
}
