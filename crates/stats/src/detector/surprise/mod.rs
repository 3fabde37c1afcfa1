//! Surprise of a single row: the strongest of several views, each calibrated on the past of the series.
//!
//! The views compare the value with the last ten, as it is and without the season, and with the level and season; and
//! they compare the mean of the last forty rows without the season, and their activity, with earlier ones. Where noise
//! differs by phase of the period, a value and a jump are measured in that of their phase.

mod profile;
mod tail;

use super::check::{number, up_to, within, Check, MOST_SQUARES, MOST_VALUE};
use super::functions::{ln_of, ln_pair};
use super::numbers::{between, single, Count};
use super::settings::Settings;
use profile::{Profile, Usual};
use serde::{Deserialize, Serialize};
use tail::Tail;

const VIEWS: usize = 5;
/// The view of the season, and the first of those that see lasting deviations.
const SEASONAL: usize = 2;
const LASTING: usize = 3;
/// Scores between which values become extreme, and log10 of the views' number for common ones.
const COMMON: f64 = 2.0;
const EXTREME: f64 = 4.0;
const MANY_VIEWS: f64 = 0.58;
/// Standard deviations by which a row may lead the season away.
const SEASONAL_REACH: f64 = 3.0;
/// The share of the mean jump at a phase from which on the season makes it.
const SEASONAL_JUMP: f64 = 0.5;
/// The number of values that a view needs before it counts.
const LEAST: f64 = 20.0;
/// The distance, in standard deviations, of a value that differs where all others were equal.
const UNHEARD_OF: f64 = 1e3;
/// The share of the usual jump that is added to the mean jump before its log, the activity, is taken, so that quiet
/// spells are not infinitely quiet.
const QUIET: f64 = 0.05;

/// Running mean and variance that remember the last rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct View {
    rows: Count,
    mean: f64,
    variance: f32,
}

impl View {
    fn observe(&mut self, x: f64, memory: f64) {
        let rows = (self.rows.get() + 1.0).min(memory);
        let d = x - self.mean;
        let share = 1.0 / rows;
        self.mean += d * share;
        let variance = f64::from(self.variance);
        self.variance = single((variance + (d * (x - self.mean) - variance) * share).max(0.0));
        self.rows = Count::new(rows);
    }

    /// The distance from the mean beyond which one value is no part of a lasting deviation; none where the spread is not
    /// known.
    fn reach(&self, s: &Settings) -> f64 {
        if self.rows.get() > LEAST && self.variance > 0.0 {
            s.lasting_reach * f64::from(self.variance).sqrt()
        } else {
            f64::MAX
        }
    }

    /// Squared distance of a value in standard deviations.
    fn squared_distance(&self, x: f64) -> f64 {
        let d = x - self.mean;
        if d == 0.0 {
            return 0.0;
        }
        (d * d / f64::from(self.variance)).min(UNHEARD_OF * UNHEARD_OF)
    }

    fn sound(&self) -> bool {
        within(self.mean, MOST_VALUE) && up_to(self.variance.into(), MOST_SQUARES)
    }
}

/// The views of single rows, with their calibration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Views {
    rows: Count,
    /// Mean of the last ten values, and of what the season leaves of them.
    local: f64,
    calm: f64,
    /// Mean of what the season leaves of the last forty values, and the level beside which the season is seen.
    slow: f64,
    level: f64,
    /// Mean jump of all rows, and of the last forty in the noise of their phases.
    jump: f32,
    activity: f32,
    views: [View; VIEWS],
    /// Tails of the values below and above what was expected, of each view.
    tails: [[Tail; 2]; VIEWS],
    profile: Profile,
}

/// A look at a value before it is taken in.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    pub value: f64,
    /// The value before.
    last: f64,
    /// The phases of the row before and of the row in the period, from 0 to 1.
    pub phases: [Option<f64>; 2],
    /// The jump from the row before, the mean of all with it, and what is usual at the phase.
    jump: f64,
    mean_jump: f64,
    usual: Option<Usual>,
}

impl Views {
    /// The number of slots of the period.
    pub const SLOTS: f64 = profile::SLOTS as f64;

    /// Looks at a value that comes after the value `last`.
    pub fn look_at(&self, value: f64, last: f64, phases: [Option<f64>; 2], s: &Settings) -> Glance {
        let rows = self.rows.get() + 1.0;
        let jump = (value - last).abs();
        let before = f64::from(self.jump);
        let mean_jump = before + (jump - before) / rows.min(s.view_memory);
        let usual = phases[1].map(|phase| self.profile.usual(phase, [before, mean_jump], QUIET, s));
        Glance { value, last, phases, jump, mean_jump, usual }
    }

    /// Takes in a value and returns its surprise, about -log10 of its probability.
    pub fn observe(&mut self, glance: &Glance, s: &Settings) -> f64 {
        let Glance { value: x, last, phases, jump, mean_jump, usual } = *glance;
        let rows = self.rows.get() + 1.0;
        if rows == 1.0 {
            (self.local, self.calm, self.slow, self.level) = (x, x, x, x);
        }
        self.rows = Count::new(rows.min(s.view_memory));
        self.jump = single(mean_jump);
        let quiet = QUIET * f64::from(self.jump);
        let settled = rows * s.slow > 2.0;

        let noise = usual.map_or(1.0, |usual| usual.noise);
        let deviation = usual.and_then(|usual| usual.deviation);
        let tried = usual.is_some_and(|usual| usual.tried());
        let season = usual.map_or(0.0, |usual| self.profile.taken_out(usual, s));
        if tried && !self.profile.tried() {
            // From now on the season is taken out of rows, so it is taken out of their means as well.
            self.calm -= phases[0].map_or(0.0, |phase| self.profile.untried(phase, s));
            self.slow -= self.profile.mean(s);
        }
        let calm = x - season;
        let activity = f64::from(self.activity);
        let activity = activity + s.slow * (jump / noise - activity);
        self.activity = single(activity);
        // A row that the one before does not confirm is no lasting deviation.
        let (reach, before) = (noise * self.views[0].reach(s), last - season);
        let lasting = between(calm, before.min(self.slow - reach), before.max(self.slow + reach));
        self.slow += s.slow * (lasting - self.slow);
        let residuals = [
            Some((calm - self.calm) / noise),
            Some((x - self.local) / noise),
            deviation.map(|deviation| (x - deviation - self.level) / noise),
            settled.then_some(self.slow),
            (settled && quiet > 0.0).then(|| ln_of(activity + quiet)),
        ];
        if let Some(usual) = usual.filter(|_| rows * s.season_level > 1.0) {
            // A change of the level is no season.
            let reach = SEASONAL_REACH * noise * f64::from(self.views[SEASONAL].variance).sqrt();
            let off = x - self.level;
            let off = if tried { deviation.map_or(off, |m| between(off, m - reach, m + reach)) } else { off };
            self.profile.learn(usual, off, jump, s);
        }
        self.local += s.local * (x - self.local);
        self.calm += s.local * (calm - self.calm);
        self.level += s.season_level.max(1.0 / rows) * (x - self.level);

        let mut squares = [0.0; VIEWS];
        for (square, (residual, view)) in squares.iter_mut().zip(residuals.iter().zip(&self.views)) {
            *square = residual.map_or(0.0, |residual| view.squared_distance(residual));
        }
        let strengths = strengths(squares, s.tail_df.min(rows));
        let mut most = 0.0;
        for (i, residual) in residuals.into_iter().enumerate() {
            let Some(residual) = residual else { continue };
            let view = &mut self.views[i];
            if view.rows.get() > 2.0 {
                let tail = &mut self.tails[i][usize::from(residual > view.mean)];
                let score = tail.score(strengths[i]);
                // A value that stays where it was is no spike.
                let speaks = if i < LASTING { jump > 0.0 && (i != SEASONAL || tried) } else { true };
                if speaks && view.rows.get() > LEAST && score > most {
                    most = score;
                }
                tail.observe(strengths[i], view.rows.get(), s);
            }
            view.observe(residual, s.view_memory);
        }
        greatest(most)
    }

    /// The mean of the last ten values without the season.
    pub fn calm(&self) -> f64 {
        self.calm
    }

    /// The level beside which the season is seen.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// Values so far, as far as they are remembered.
    pub fn rows(&self) -> f64 {
        self.rows.get()
    }

    /// Whether the season of the period is known.
    pub fn knows_season(&self) -> bool {
        self.profile.tried()
    }

    /// The way that the level beside which the season is seen goes with the season, from after the row at one phase to before
    /// that at another.
    pub fn level_move(&self, phases: [Option<f64>; 2], step: f64, s: &Settings) -> f64 {
        let [Some(from), Some(to)] = phases else { return 0.0 };
        s.season_level * (self.profile.sum(from, to, step) - self.profile.slot(from, s))
    }

    /// The season of the slot of a phase: the usual deviation from the level, the same in all of the slot.
    pub fn slot_at(&self, phase: Option<f64>, s: &Settings) -> f64 {
        phase.map_or(0.0, |phase| self.profile.slot(phase, s))
    }

    /// The season at a phase, where rows are a `step` of phase apart: the usual deviation from the level.
    pub fn season_at(&self, phase: Option<f64>, step: f64, s: &Settings) -> f64 {
        phase.map_or(0.0, |phase| self.profile.season(phase, step, s))
    }

    /// Size of noise at a phase relative to that of all phases; `step` and `season` as for [`Views::noise_of`].
    pub fn noise_at(&self, phase: Option<f64>, season: f64, step: f64, s: &Settings) -> f64 {
        let usual = phase.map(|phase| self.profile.usual(phase, [self.jump.into(); 2], QUIET, s));
        self.noise_by(usual, season, step, s)
    }

    /// Size of noise at the phase of a row relative to that of all phases, by the rows before it, where rows are a `step` of
    /// phase apart and the season is `season`. Jumps that it makes, such as that of every morning, are no noise.
    pub fn noise_of(&self, glance: &Glance, season: f64, step: f64, s: &Settings) -> f64 {
        self.noise_by(glance.usual, season, step, s)
    }

    fn noise_by(&self, usual: Option<Usual>, season: f64, step: f64, s: &Settings) -> f64 {
        let Some(usual) = usual else { return 1.0 };
        let before = self.profile.season((usual.phase - step).rem_euclid(1.0), step, s);
        let turn = (season - before).abs();
        if turn > SEASONAL_JUMP * self.profile.jump(usual) {
            usual.noise_before.min(1.0)
        } else {
            usual.noise_before
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        let numbers = [&mut self.local, &mut self.calm, &mut self.slow, &mut self.level];
        numbers.into_iter().for_each(|number| *number *= factor);
        for size in [&mut self.jump, &mut self.activity] {
            *size = single(f64::from(*size) * factor);
        }
        let (activity, values) =
            self.views.split_last_mut().unwrap_or_else(|| unreachable!("there are views"));
        activity.mean += factor.ln();
        for view in values {
            view.mean *= factor;
            view.variance = single(f64::from(view.variance) * factor * factor);
        }
        self.profile.rescale(factor);
    }

    pub fn check(&self) -> Check {
        let means = [self.local, self.calm, self.slow, self.level];
        let sound = means.iter().all(|x| within(*x, MOST_VALUE))
            && [self.jump, self.activity].iter().all(|x| up_to((*x).into(), MOST_VALUE))
            && self.views.iter().all(View::sound);
        number(sound, "a mean of its values is out of range")?;
        self.profile.check()?;
        self.tails.iter().flatten().try_for_each(Tail::check)
    }
}

/// The calibrated score of the greatest of all views, each of which is calibrated by itself.
///
/// Of common values, one in a hundred, the views have nearly four times as many; extreme ones are extreme in all views.
/// By simulation the excess goes down evenly between these.
fn greatest(score: f64) -> f64 {
    let common = 1.0 - MANY_VIEWS / COMMON;
    if score < COMMON {
        score * common
    } else {
        score - MANY_VIEWS * ((EXTREME - score) / (EXTREME - COMMON)).max(0.0)
    }
}

/// About the square roots of -log10 of the tails of Student's t at squared distances: of how far the density has fallen
/// from its peak.
fn strengths(squares: [f64; VIEWS], df: f64) -> [f64; VIEWS] {
    let (share, factor) = (1.0 / df, 0.5 * (df + 1.0) / std::f64::consts::LN_10);
    let mut strengths = squares;
    for pair in strengths.chunks_mut(2) {
        let squares = [pair[0], pair.get(1).copied().unwrap_or(0.0)];
        let both = ln_pair(squares.map(|square| square * share + 1.0)).map(|ln| (ln * factor).sqrt());
        pair.copy_from_slice(&both[..pair.len()]);
    }
    strengths
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_slow_mean_does_not_follow_the_season() {
        let mut views = Views::default();
        let (mut most, mut last): (f64, f64) = (0.0, 0.0);
        for i in 0..96 * 20 {
            let phase = f64::from(i % 96) / 96.0;
            let x = 10.0 * (phase * std::f64::consts::TAU).sin();
            let glance =
                views.look_at(x, std::mem::replace(&mut last, x), [Some(phase); 2], &Settings::DEFAULT);
            views.observe(&glance, &Settings::DEFAULT);
            if i >= 96 * 10 {
                most = most.max(views.slow.abs());
            }
        }
        assert!(most < 2.0, "{most}");
    }

    /// Views of rows a quarter of an hour apart, made of their phases and of numbers between -1 and 1; returns slow mean and
    /// activity of each row.
    fn lasting(rows: u32, mut make: impl FnMut(u32, f64, f64) -> f64) -> Vec<[f64; 2]> {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let (mut views, mut last) = (Views::default(), 0.0);
        let row = |i| {
            let phase = f64::from(i % 96) / 96.0;
            let x = make(i, phase, rng.random_range(-1.0..1.0));
            let glance =
                views.look_at(x, std::mem::replace(&mut last, x), [Some(phase); 2], &Settings::DEFAULT);
            views.observe(&glance, &Settings::DEFAULT);
            [views.slow, views.activity.into()]
        };
        (0..rows).map(row).collect()
    }

    #[test]
    fn a_single_row_is_no_lasting_deviation_and_a_shift_is() {
        let spike = lasting(1002, |i, _, noise| if i == 1000 { 100.0 } else { noise });
        assert!(spike[1000][0] < 0.5 && spike[1001][0] < 0.5, "{:?}", &spike[1000..]);
        let shift = lasting(1040, |i, _, noise| if i >= 1000 { 100.0 + noise } else { noise });
        assert!(shift[1039][0] > 80.0, "{:?}", shift[1039]);
    }

    #[test]
    fn activity_does_not_follow_the_hours() {
        let activity = lasting(96 * 20, |_, phase, noise| if phase < 0.5 { 10.0 * noise } else { noise });
        let last = &activity[96 * 10..];
        let least = last.iter().map(|row| row[1]).fold(f64::MAX, f64::min);
        let most = last.iter().map(|row| row[1]).fold(0.0, f64::max);
        assert!(most < 4.0 * least, "from {least} to {most}");
    }
}
