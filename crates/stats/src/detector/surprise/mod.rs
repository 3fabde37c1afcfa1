//! Surprise of a single row: the strongest of several views, each calibrated on the past of the series.
//!
//! The views compare the value with all values, with the last ten, and with those at the same phase of the period; and
//! they compare the mean and the activity of the last forty rows with earlier ones.

mod tail;

use super::check::{number, up_to, within, Check, MOST_ROWS, MOST_SQUARES, MOST_VALUE};
use super::settings::Settings;
use serde::{Deserialize, Serialize};
use tail::Tail;

const VIEWS: usize = 5;
/// The number of slots of the period: hours, if it is a day.
const SLOTS: usize = 24;
/// The number of values that a view needs before it counts.
const LEAST: f32 = 20.0;
/// The distance, in standard deviations, of a value that differs where all others were equal.
const UNHEARD_OF: f64 = 1e3;
/// The share of the usual jump that is added to the mean jump before its log, the activity, is taken, so that quiet
/// spells are not infinitely quiet.
const QUIET: f64 = 0.05;

/// Running mean and variance that remember the last rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct View {
    rows: f32,
    mean: f64,
    variance: f64,
}

impl View {
    fn observe(&mut self, x: f64, memory: f64) {
        let rows = (f64::from(self.rows) + 1.0).min(memory);
        let d = x - self.mean;
        self.mean += d / rows;
        self.variance = (self.variance + (d * (x - self.mean) - self.variance) / rows).max(0.0);
        self.rows = rows as f32;
    }

    fn distance(&self, x: f64) -> f64 {
        let d = x - self.mean;
        if d == 0.0 {
            return 0.0;
        }
        (d / self.variance.sqrt()).clamp(-UNHEARD_OF, UNHEARD_OF)
    }

    fn sound(&self) -> bool {
        up_to(self.rows.into(), MOST_ROWS)
            && within(self.mean, MOST_VALUE)
            && up_to(self.variance, MOST_SQUARES)
    }
}

/// Means by phase of the period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Profile {
    rows: [u8; SLOTS],
    means: [f32; SLOTS],
}

/// The views of single rows, with their calibration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Views {
    last: f64,
    local: f64,
    slow: f64,
    jump: f64,
    activity: f64,
    views: [View; VIEWS],
    /// Tails of the values below and above what was expected, of each view.
    tails: [[Tail; 2]; VIEWS],
    profile: Profile,
}

/// A surprise, about -log10 of its probability, and the value that was expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surprise {
    pub score: f64,
    pub expected: f64,
}

impl Views {
    /// Takes in a value; `phase` is its phase in the period, from 0 to 1.
    pub fn observe(&mut self, x: f64, phase: Option<f64>, s: &Settings) -> Surprise {
        let first = self.views[0].rows == 0.0;
        if first {
            (self.last, self.local, self.slow) = (x, x, x);
        }
        let rows = f64::from(self.views[0].rows) + 1.0;
        let jump = (x - self.last).abs();
        self.last = x;
        self.jump += (jump - self.jump) / rows.min(s.view_memory);
        self.slow += s.slow * (x - self.slow);
        self.activity += s.slow * (jump - self.activity);
        let quiet = QUIET * self.jump;
        let settled = rows * s.slow > 2.0;
        let in_season = phase.and_then(|p| self.seasonal(x, p, s));
        let residuals = [
            Some(x),
            Some(x - self.local),
            in_season.map(|mean| x - mean),
            settled.then_some(self.slow),
            (settled && quiet > 0.0).then(|| (self.activity + quiet).ln()),
        ];
        let expected =
            [self.views[0].mean, self.local, in_season.unwrap_or(self.local), self.local, self.local];
        self.local += s.local * (x - self.local);

        let mut surprise = Surprise { score: 0.0, expected: self.local };
        for (i, residual) in residuals.into_iter().enumerate() {
            let Some(residual) = residual else { continue };
            let view = &mut self.views[i];
            if view.rows > 2.0 {
                let z = view.distance(residual);
                let tail = &mut self.tails[i][usize::from(z > 0.0)];
                let strength = strength(z, s.tail_df.min(rows));
                let score = tail.score(strength);
                if view.rows > LEAST && score > surprise.score {
                    surprise = Surprise { score, expected: expected[i] };
                }
                tail.observe(strength, f64::from(view.rows), s);
            }
            view.observe(residual, s.view_memory);
        }
        surprise
    }

    /// Takes a value into the profile; returns the mean of its phase so far, once it is known.
    fn seasonal(&mut self, x: f64, phase: f64, s: &Settings) -> Option<f64> {
        let slot = ((phase * SLOTS as f64) as usize).min(SLOTS - 1);
        let (rows, mean) = (&mut self.profile.rows[slot], &mut self.profile.means[slot]);
        let known = (*rows >= s.profile_least).then_some(f64::from(*mean));
        *rows = rows.saturating_add(1).min(s.profile_memory);
        *mean = (f64::from(*mean) + (x - f64::from(*mean)) / f64::from(*rows)) as f32;
        known
    }

    /// The last value.
    pub fn last(&self) -> f64 {
        self.last
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for number in [&mut self.last, &mut self.local, &mut self.slow, &mut self.jump, &mut self.activity] {
            *number *= factor;
        }
        let (activity, values) =
            self.views.split_last_mut().unwrap_or_else(|| unreachable!("there are views"));
        activity.mean += factor.ln();
        for view in values {
            view.mean *= factor;
            view.variance *= factor * factor;
        }
        for mean in &mut self.profile.means {
            *mean = (f64::from(*mean) * factor) as f32;
        }
    }

    pub fn check(&self) -> Check {
        let means = [self.last, self.local, self.slow, self.jump, self.activity];
        let sound = means.iter().all(|x| within(*x, MOST_VALUE))
            && self.views.iter().all(View::sound)
            && self.profile.means.iter().all(|x| within((*x).into(), MOST_VALUE));
        number(sound, "a mean of its values is out of range")?;
        self.tails.iter().flatten().try_for_each(Tail::check)
    }
}

/// About the square root of -log10 of the tail of Student's t: of how far the density has fallen from its peak.
fn strength(z: f64, df: f64) -> f64 {
    (0.5 * (df + 1.0) * (z * z / df).ln_1p() / std::f64::consts::LN_10).sqrt()
}
