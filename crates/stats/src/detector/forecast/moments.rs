//! Moments of the period at which a series jumps again and again, as where shifts and jobs begin and end.
//!
//! A slot of the season is as long as an hour of a day; a jump within it, or one that comes to the row, is known only here.

use crate::detector::check::{number, within, Check, MOST_VALUE};
use crate::detector::numbers::Brief;
use serde::{Deserialize, Serialize};

/// The most moments that are kept, and how often one has to come to be foretold.
const MOST: usize = 8;
const AGAIN: u16 = 2;
/// Multiples of the mean jump from which one is kept until the next period: one in a thousand rows of normal noise is.
const FAR: f64 = 4.0;
/// The share of a jump by which another may differ and be the same again.
const SAME: f64 = 0.5;
/// A moment in 16 bits: the part of the period, ten seconds of a day, and how often the jump has come, up to a few times.
const PARTS: f64 = (1u16 << (16 - COUNT)) as f64;
const COUNT: u32 = 3;
const MOST_TIMES: u16 = (1 << COUNT) - 1;
/// Times that one that does not come counts less: a weekend is not enough to forget it, three days off are.
const MISSED: u16 = 2;

/// The greatest jumps of the last period, and those that have come before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    moments: [Moment; MOST],
    sizes: [Brief; MOST],
    /// Moments whose jumps are foretold.
    foretold: u8,
}

/// A part of the period, and how often in one period after another a jump has come there; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Moment([u8; 2]);

impl Moment {
    fn new(part: u16, times: u16) -> Moment {
        Moment((part << COUNT | times).to_le_bytes())
    }

    fn part(self) -> u16 {
        u16::from_le_bytes(self.0) >> COUNT
    }

    fn times(self) -> u16 {
        u16::from_le_bytes(self.0) & MOST_TIMES
    }

    /// Whether the jump is foretold.
    fn foretold(self) -> bool {
        self.times() >= AGAIN
    }
}

/// A range of phases, less than all of it: the part after which it begins, and how many there are.
#[derive(Clone, Copy)]
struct PhaseRange {
    from: u16,
    parts: u16,
}

impl PhaseRange {
    fn new(from: f64, to: f64) -> PhaseRange {
        let [from, to] = [from, to].map(|phase| (phase * PARTS) as u16);
        PhaseRange { from, parts: since(from, to) }
    }

    /// Parts from the beginning to a moment; more than there are if it is elsewhere.
    fn place(self, moment: Moment) -> Option<u16> {
        let parts = since(self.from, moment.part());
        (parts.wrapping_sub(1) < self.parts).then_some(parts)
    }

    fn middle(self) -> u16 {
        self.from.wrapping_add(self.parts.div_ceil(2))
    }
}

/// Parts of the period from one to a later one, less than a period.
fn since(from: u16, to: u16) -> u16 {
    to.wrapping_sub(from) & (PARTS as u16 - 1)
}

impl Moments {
    /// Whether a moment may be in a range.
    fn any(&self, range: PhaseRange) -> bool {
        self.moments.iter().fold(false, |any, moment| any | range.place(*moment).is_some())
    }

    /// The jumps that are foretold in a range, with their places in it.
    fn within(&self, range: PhaseRange) -> impl Iterator<Item = (f64, f64)> + '_ {
        let count = if self.any(range) { MOST } else { 0 };
        let all = self.moments[..count].iter().zip(&self.sizes).filter(|(moment, _)| moment.foretold());
        all.filter_map(move |(moment, size)| Some((range.place(*moment)?.into(), size.get())))
    }

    /// The sum of the jumps from one phase to another, less than a period later.
    pub fn between(&self, from: f64, to: f64) -> f64 {
        if self.foretold == 0 {
            return 0.0;
        }
        self.within(PhaseRange::new(from, to)).map(|(_, size)| size).sum()
    }

    /// Deviation at a phase from the mean of its slot, by the jumps in it; the period has this many slots, and rows are a
    /// `step` of phase apart.
    pub fn edge(&self, phase: f64, slots: f64, step: f64) -> f64 {
        if self.foretold == 0 || step * slots > 0.5 {
            return 0.0;
        }
        let begin = (phase * slots).floor() / slots;
        let slot = PhaseRange::new(begin, begin + 1.0 / slots);
        let now = f64::from(PhaseRange::new(begin, phase).parts);
        let edges = self.within(slot).map(|(place, size)| {
            // A jump is kept in the middle between two rows.
            let before = place / PARTS * slots + 0.5 * step * slots;
            size * (f64::from(u8::from(place <= now)) - (1.0 - before).max(0.0))
        });
        edges.sum()
    }

    /// Learns a jump from the row at one phase to that at another, less than a period later; `mean` is the size of others.
    /// Returns whether it is what the period before had there, to the digit.
    pub fn learn(&mut self, from: f64, to: f64, jump: f64, mean: f64) -> bool {
        let range = PhaseRange::new(from, to);
        let (left, again) = if self.any(range) { self.compare(range, jump) } else { (jump, false) };
        if !again && jump.abs() > FAR * mean {
            self.keep(range, jump);
        }
        left == 0.0
    }

    /// Keeps a jump that may come again: in place of another at this moment, of none, or of one that is smaller, but of none
    /// that is foretold.
    fn keep(&mut self, range: PhaseRange, jump: f64) {
        let here = |moment: &Moment| moment.times() > 0 && range.place(*moment).is_some();
        let place = self.moments.iter().position(here).or_else(|| {
            let size =
                |i: &usize| if self.moments[*i].times() > 0 { self.sizes[*i].get().abs() } else { 0.0 };
            let new = (0..MOST).filter(|i| !self.moments[*i].foretold() && size(i) < jump.abs());
            new.min_by(|a, b| size(a).total_cmp(&size(b)))
        });
        if let Some(i) = place.filter(|i| !self.moments[*i].foretold()) {
            self.moments[i] = Moment::new(range.middle(), 1);
            self.sizes[i] = Brief::new(jump);
        }
    }

    /// Compares a jump with those of earlier periods in its range; returns what these leave of it, and whether one has come
    /// again.
    fn compare(&mut self, range: PhaseRange, jump: f64) -> (f64, bool) {
        let (mut left, mut again) = (jump, false);
        for (moment, size) in self.moments.iter_mut().zip(&mut self.sizes) {
            let (part, times) = (moment.part(), moment.times());
            if times == 0 || range.place(*moment).is_none() {
                continue;
            }
            let off = jump - size.get();
            left -= size.get();
            let same = off.abs() <= SAME * size.get().abs();
            let times = if same { (times + 1).min(MOST_TIMES) } else { times.saturating_sub(MISSED) };
            if same {
                *size = Brief::new(size.get() + off / f64::from(times));
            }
            *moment = Moment::new(part, times);
            again |= same;
        }
        self.foretold = self.moments.iter().filter(|moment| moment.foretold()).count() as u8;
        (left, again)
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.sizes.iter_mut().for_each(|x| *x = Brief::new(x.get() * factor));
    }

    pub fn check(&self) -> Check {
        let sound = self.sizes.iter().all(|x| within(x.get(), MOST_VALUE));
        number(sound, "a jump of its season is out of range")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: f64 = 1.0 / 288.0;

    /// Jumps of days of 288 rows: in each row the sum of those that begin there.
    fn learn(moments: &mut Moments, days: usize, jumps: &[(usize, f64)]) -> usize {
        let row = |row: usize| {
            let phase = |row: usize| (row % 288) as f64 * STEP;
            let jump = jumps.iter().filter(|(at, _)| *at == row % 288).map(|(_, size)| size).sum();
            moments.learn(phase(row + 287), phase(row), jump, 0.1)
        };
        (0..288 * days).map(row).filter(|repeated| *repeated).count()
    }

    #[test]
    fn jumps_that_come_again_are_foretold_and_others_are_not() {
        let mut moments = Moments::default();
        let jumps = [(100, 60.0), (101, -20.0), (287, 1.5)];
        assert_eq!(learn(&mut moments, 1, &jumps), 285);
        let foretold =
            |moments: &Moments, from: usize, to: usize| moments.between(from as f64 * STEP, to as f64 * STEP);
        assert_eq!(foretold(&moments, 99, 102), 0.0);
        assert_eq!(learn(&mut moments, 1, &jumps), 288);
        let stretches = [(99, 100), (99, 101), (98, 99), (101, 100), (286, 287), (280, 20)];
        let found = stretches.map(|(from, to)| foretold(&moments, from, to));
        assert_eq!(found, [60.0, 40.0, 0.0, 61.5, 1.5, 1.5]);
        // Two days off are not enough to forget them, if they have come for a week.
        learn(&mut moments, 7, &jumps);
        learn(&mut moments, 2, &[]);
        assert_eq!(foretold(&moments, 99, 101), 40.0);
        learn(&mut moments, 1, &[]);
        assert_eq!(foretold(&moments, 99, 101), 0.0);
    }

    #[test]
    fn another_jump_at_a_moment_takes_its_place() {
        let mut moments = Moments::default();
        learn(&mut moments, 7, &[(100, 10.0)]);
        learn(&mut moments, 5, &[(100, 30.0)]);
        assert_eq!(moments.between(99.0 * STEP, 100.0 * STEP), 30.0);
        assert_eq!(moments.between(100.0 * STEP, 99.0 * STEP), 0.0);
    }

    #[test]
    fn edges_are_deviations_from_the_mean_of_the_slot() {
        // Slots of 12 rows; a jump at the first row of one is none within it.
        for (at, inside) in [(108, 12), (109, 11), (114, 6), (119, 1)] {
            let mut moments = Moments::default();
            learn(&mut moments, 2, &[(at, 12.0)]);
            let edge = |row: usize| moments.edge(row as f64 * STEP, 24.0, STEP);
            let (before, after) =
                if inside == 12 { (0.0, 0.0) } else { (-(inside as f64), 12.0 - inside as f64) };
            for row in 100..130 {
                let expected = if !(108..120).contains(&row) {
                    0.0
                } else if row < at {
                    before
                } else {
                    after
                };
                assert!((edge(row) - expected).abs() < 0.06, "{at}, {row}: {} for {expected}", edge(row));
            }
        }
    }
}
