//! A season of a few rows, learnt from the series itself, which is no part of its level.
//!
//! Differences of successive values tell it without knowing the level: those of one phase have a mean of their own, and
//! the sums of these means are the season.

use crate::detector::check::{number, structure, up_to, within, Check, MOST_ROWS, MOST_SQUARES, MOST_VALUE};
use crate::detector::numbers::{between, Brief};
use serde::{Deserialize, Serialize};

/// The longest lag that is looked at; a season is shorter, since its correlation has to be greater than both next to it.
const LAGS: usize = 26;
const SHORTEST: usize = 3;
/// Standard errors by which the correlation at a season's lag exceeds the mean of all: one in thirty series of white
/// noise reaches it at some lag within 3000 rows.
const SEEN: f64 = 6.0;
/// Standard errors from which a correlation is more than chance, for forecasts, and the share of the greatest one from
/// which another is nearly as great.
const LIKELY: f64 = 3.0;
const NEARLY: f32 = 0.7;
/// Standard errors by which differences a multiple of the lag apart are more alike than those at its other multiples where
/// the season is longer: a third or half of a season of 12 rows is often alike.
const PART: f64 = 1.5;
/// Fourth power of normal noise, in squares of its variance.
const NORMAL_KURTOSIS: f64 = 3.0;
/// Greatest correlation of neighbouring differences in what a season leaves, halfway from white noise to a random walk:
/// where the level wanders, the season is the noise beside which changes are seen.
const MOST_WANDERING: f64 = -0.25;
/// Least share of the variance that a season leaves.
const LEAST_REST: f64 = 0.01;
/// Rows between two looks for a smooth season.
const LOOKS: f64 = 8.0;
/// Relative variance of the mean squared difference a lag apart, of one row: that of squares, and half as much for the value
/// that two of them share.
const VARIANCES: f64 = 3.0;
/// Share by which the period of a smooth season is off that of the calendar, at most, to be taken for it; and the part of a
/// row by which that is no whole number of rows.
const OFF: f64 = 0.1;
const WHOLE: f64 = 0.01;
/// Periods that a season takes to be seen.
const PERIODS: usize = 3;
/// Periods that a season remembers.
const MEMORY: f64 = 30.0;

/// A season that was found just now.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    period: usize,
    /// Share of the variance of the differences that it explains.
    pub share: f64,
    /// Correlation of neighbouring differences in what it leaves.
    pub correlation: f64,
    /// The mean of the last period less its last value, of a smooth season whose length is that of the calendar. One that is
    /// a row too long or short would soon pass for a change.
    pub behind: Option<f64>,
}

/// The season, or what may become one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Season {
    /// Correlations of the differences by lag.
    Sought {
        /// The last differences, the newest first.
        last: [Brief; LAGS],
        /// Sums of products of differences, by lag from 1.
        products: [f32; LAGS],
        squares: f64,
        fourth_powers: f64,
        rows: f64,
    },
    /// Mean differences by phase.
    Found { period: u8, periods: u8, differences: [f32; LAGS] },
}

impl Default for Season {
    fn default() -> Season {
        Season::Sought {
            last: [Brief::default(); LAGS],
            products: [0.0; LAGS],
            squares: 0.0,
            fourth_powers: 0.0,
            rows: 0.0,
        }
    }
}

impl Season {
    /// Deviation of a row from the level.
    pub fn deviation(&self, row: u64) -> f64 {
        let [deviation] = self.deviations([row]);
        deviation
    }

    /// Deviations of rows from the level.
    pub fn deviations<const N: usize>(&self, rows: [u64; N]) -> [f64; N] {
        let Season::Found { period, differences, .. } = self else { return [0.0; N] };
        let period = usize::from(*period);
        let differences = &differences[..period];
        let share = 1.0 / period as f64;
        let drift = differences.iter().map(|d| f64::from(*d)).sum::<f64>() * share;
        let (mut sum, mut sums, mut all) = ([0.0; LAGS], 0.0, 0.0);
        for (sum, d) in sum.iter_mut().zip(differences) {
            sums += f64::from(*d) - drift;
            all += sums;
            *sum = sums;
        }
        rows.map(|row| sum[(row % period as u64) as usize] - all * share)
    }

    /// The deviation from the level of the row this many steps after `row`, and the sum of the differences up to it, as
    /// those of earlier periods tell them: by the season, or by what may become one.
    pub fn ahead(&self, row: u64, steps: u64) -> [f64; 2] {
        match self {
            Season::Found { .. } => {
                let [before, then] = self.deviations([row, row.saturating_add(steps)]);
                [then, then - before]
            }
            Season::Sought { last, products, squares, rows, .. } => {
                let Some((lag, share)) = likeliest(products, *squares, *rows) else { return [0.0; 2] };
                let steps = (steps % lag as u64) as usize;
                let periods = (1..=LAGS / lag).map(|period| &last[period * lag - steps..period * lag]);
                [0.0, share * periods.flatten().map(|d| d.get()).sum::<f64>()]
            }
        }
    }

    /// Mean deviation from the level of the rows from one on and before another.
    pub fn mean(&self, from: u64, to: u64) -> f64 {
        let Season::Found { period, .. } = self else { return 0.0 };
        let rows = to.saturating_sub(from);
        // Of whole periods it is 0.
        let rest = (from..).take((rows % u64::from(*period)) as usize);
        rest.map(|row| self.deviation(row)).sum::<f64>() / rows.max(1) as f64
    }

    /// Variance of the deviations.
    pub fn variance(&self) -> f64 {
        let Season::Found { period, .. } = self else { return 0.0 };
        let n = u64::from(*period);
        (0..n).map(|row| self.deviation(row).powi(2)).sum::<f64>() / n as f64
    }

    /// Whether a season was found.
    pub fn found(&self) -> bool {
        matches!(self, Season::Found { .. })
    }

    /// Learns a difference from the row before, which is cut off at `reach` from what was expected; `calendar` are the rows
    /// of a period of the calendar, 0 for none. Returns the season if it is found now.
    pub fn learn(&mut self, row: u64, difference: f64, reach: f64, calendar: f64) -> Option<Found> {
        match self {
            Season::Found { period, periods, differences } => {
                let phase = (row % u64::from(*period)) as usize;
                if phase == 0 {
                    *periods = periods.saturating_add(1);
                }
                let expected = f64::from(differences[phase]);
                let share = 1.0 / f64::from(*periods).min(MEMORY);
                differences[phase] =
                    (expected + between(difference - expected, -reach, reach) * share) as f32;
                None
            }
            Season::Sought { last, products, squares, fourth_powers, rows } => {
                let d = between(difference, -reach, reach);
                for (product, earlier) in products.iter_mut().zip(last.iter()) {
                    *product = (f64::from(*product) + d * earlier.get()) as f32;
                }
                last.copy_within(..LAGS - 1, 1);
                last[0] = Brief::new(d);
                *squares += d * d;
                *fourth_powers += d.powi(4);
                *rows += 1.0;
                // Where noise came late or in bursts, fewer rows count.
                let count = (NORMAL_KURTOSIS * *squares * *squares / *fourth_powers).min(*rows);
                let jagged = find(products, *squares, *rows, count);
                let found = jagged.or_else(|| smooth(products, *squares, last, [*rows, count], calendar))?;
                let period = found.period;
                let periods = LAGS / period;
                let mut differences = [0f32; LAGS];
                for (earlier, difference) in (0..=row).rev().zip(last.iter().take(periods * period)) {
                    let phase = (earlier % period as u64) as usize;
                    differences[phase] += (difference.get() / periods as f64) as f32;
                }
                *self = Season::Found { period: period as u8, periods: periods as u8, differences };
                // Of the noise, the mean over a few periods keeps a share.
                let share = found.share - (1.0 - found.share) / periods as f64;
                Some(Found { share, ..found })
            }
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        let scale = |x: &mut f32, factor: f64| *x = (f64::from(*x) * factor) as f32;
        match self {
            Season::Found { differences, .. } => differences.iter_mut().for_each(|x| scale(x, factor)),
            Season::Sought { last, products, squares, fourth_powers, .. } => {
                last.iter_mut().for_each(|x| *x = Brief::new(x.get() * factor));
                products.iter_mut().for_each(|x| scale(x, factor * factor));
                *squares *= factor * factor;
                *fourth_powers *= factor.powi(4);
            }
        }
    }

    pub fn check(&self) -> Check {
        match self {
            Season::Found { period, periods, differences } => {
                structure(
                    (SHORTEST..LAGS).contains(&usize::from(*period)) && *periods > 0,
                    "the length of its season is out of range",
                )?;
                let sound = differences.iter().all(|x| within((*x).into(), MOST_VALUE));
                number(sound, "a difference of its season is out of range")
            }
            Season::Sought { last, products, squares, fourth_powers, rows } => {
                let sound = last.iter().all(|x| within(x.get(), MOST_VALUE))
                    && products.iter().all(|x| x.is_finite())
                    && up_to(*squares, MOST_SQUARES)
                    && up_to(*fourth_powers, MOST_SQUARES * MOST_SQUARES)
                    && up_to(*rows, MOST_ROWS);
                number(sound, "a correlation of its differences is out of range")
            }
        }
    }
}

/// Whether a period may be that of the calendar: a smooth season differs little a row earlier or later.
fn near(period: f64, calendar: f64) -> bool {
    let whole = calendar.round();
    (SHORTEST as f64..LAGS as f64).contains(&whole)
        && (calendar - whole).abs() < WHOLE
        && (period - whole).abs() <= OFF * whole
}

/// The greatest product at the lag of a season, or 0.
fn greatest(products: &[f32; LAGS]) -> f32 {
    // Each fourth one by itself, so that none waits for the one before.
    let mut greatest = [0f32; 4];
    for products in products[SHORTEST - 1..LAGS - 1].chunks(greatest.len()) {
        for (greatest, product) in greatest.iter_mut().zip(products) {
            *greatest = if *product > *greatest { *product } else { *greatest };
        }
    }
    greatest.into_iter().fold(0.0, f32::max)
}

/// The lag at which differences are most alike, or nearly so at a part of it, if they are; and the share of each of the
/// differences one lag ago and its multiples that comes again.
fn likeliest(products: &[f32; LAGS], squares: f64, rows: f64) -> Option<(usize, f64)> {
    let greatest = greatest(products);
    if f64::from(greatest) <= LIKELY * squares / rows.sqrt() {
        return None;
    }
    let farthest = (SHORTEST..LAGS).find(|lag| products[lag - 1] == greatest)?;
    let alike = |lag: &usize| farthest % lag == 0 && products[lag - 1] > NEARLY * greatest;
    let lag = (SHORTEST..=farthest).find(alike)?;
    let multiples = (LAGS / lag) as f64;
    let sum: f64 = products.iter().skip(lag - 1).step_by(lag).map(|p| f64::from(*p)).sum();
    let correlation = (sum / multiples / squares).clamp(0.0, 1.0);
    Some((lag, correlation / (1.0 + (multiples - 1.0) * correlation)))
}

/// The shortest lag whose correlation, as a mean over its multiples, stands out and is nearly the greatest, and is no part of
/// a longer season, if the season leaves noise about a level.
fn find(products: &[f32; LAGS], squares: f64, rows: f64, count: f64) -> Option<Found> {
    let error = 1.0 / count.sqrt();
    let greatest = greatest(products);
    if f64::from(greatest) < 0.5 * SEEN * squares * error {
        return None;
    }
    let mean = products.iter().map(|p| f64::from(*p)).sum::<f64>() / (LAGS as f64 * squares);
    let multiples = |lag: usize| (LAGS / lag) as f64;
    let comb = |lag: usize| {
        let sum: f64 = products.iter().skip(lag - 1).step_by(lag).map(|p| f64::from(*p)).sum();
        sum / (multiples(lag) * squares)
    };
    let combs: [f64; LAGS] = std::array::from_fn(|i| comb(i + 1));
    let greatest = combs[SHORTEST - 1..LAGS - 1].iter().copied().fold(0.0, f64::max);
    let seen = |lag: usize| {
        let here = combs[lag - 1];
        here - mean > SEEN * error / multiples(lag).sqrt()
            && here > combs[lag - 2].max(combs[lag]) + error
            && here > greatest - 2.0 * error
            && rows >= (PERIODS * lag) as f64
    };
    let part = |lag: usize| {
        let longer = (2 * lag..LAGS).step_by(lag).filter(|longer| (*longer as f64) + 2.0 < rows);
        longer.map(|longer| excess(lag, longer, products, squares, rows, error)).any(|excess| excess > PART)
    };
    (SHORTEST..LAGS).filter(|lag| seen(*lag) && !part(*lag)).find_map(|lag| {
        let (known, _) = correlation(|l| l % lag == 0, products, squares, rows);
        about_a_level(lag, combs[lag - 1], known, products, squares)
    })
}

/// Correlation of differences at the lags of a kind, and its variance by that at one lag. Among a few rows, the longer the
/// lag the fewer the pairs.
fn correlation(of: impl Fn(usize) -> bool, products: &[f32; LAGS], squares: f64, rows: f64) -> (f64, f64) {
    let lags = (1..=LAGS).filter(|lag| of(*lag) && (*lag as f64) < rows);
    let (sum, pairs) = lags.fold((0.0, 0.0), |(sum, pairs), lag| {
        (sum + f64::from(products[lag - 1]), pairs + (rows - lag as f64))
    });
    (sum / pairs * rows / squares, rows / pairs)
}

/// The correlation of differences at the multiples of a lag beyond that at the other multiples of a part of it, in
/// standard errors, of which `error` is that at one lag of noise: of what a season leaves they are less.
fn excess(part: usize, lag: usize, products: &[f32; LAGS], squares: f64, rows: f64, error: f64) -> f64 {
    let (here, variance) = correlation(|l| l % lag == 0, products, squares, rows);
    let (others, more) = correlation(|l| l % part == 0 && l % lag != 0, products, squares, rows);
    (here - others) / ((variance + more) * (1.0 - here * here).max(LEAST_REST)).sqrt() / error
}

/// A season that explains this share of the differences, if it leaves noise about a level; `known` is the share by as many
/// pairs of differences as there are.
///
/// Lags beside the multiples of the period show the correlation of the season's own neighbours. The rest of that of
/// neighbours is of what the season leaves. Where that is little, the fewer pairs of a few rows do not tell it: as a share
/// of all rows, it is taken to wander until more have shown that it does not.
fn about_a_level(
    period: usize,
    share: f64,
    known: f64,
    products: &[f32; LAGS],
    squares: f64,
) -> Option<Found> {
    let share = share.clamp(0.0, 1.0);
    let beside = (2..=LAGS).filter(|l| [1, period - 1].contains(&(l % period)));
    let (sum, count) = beside.fold((0.0, 0.0), |(sum, n), l| (sum + f64::from(products[l - 1]), n + 1.0));
    let correlation = (f64::from(products[0]) - sum / count) / squares / (1.0 - share).max(LEAST_REST);
    let share = known.clamp(0.0, 1.0);
    (correlation < MOST_WANDERING).then_some(Found { period, share, correlation, behind: None })
}

/// A season that moves little from row to row, and far within its period: values a period apart are alike, and others
/// differ. Their mean squared differences by lag are sums of products of the differences between neighbours.
fn smooth(
    products: &[f32; LAGS],
    squares: f64,
    last: &[Brief; LAGS],
    [rows, count]: [f64; 2],
    calendar: f64,
) -> Option<Found> {
    if rows % LOOKS != 0.0 {
        return None;
    }
    let (mut apart, mut growth, mut sum) = ([0.0; LAGS], squares, 0.0);
    let (mut beyond, mut reached) = (0.0, 0.0);
    for (lag, product) in products.iter().enumerate() {
        sum += growth;
        // Without those that would end beyond the last row.
        apart[lag] = sum - beyond;
        growth += 2.0 * f64::from(*product);
        reached += last[lag].get();
        beyond += reached * reached;
    }
    let error = (VARIANCES / count).sqrt();
    let contrast = |lag: usize| {
        let mean = apart[..lag - 1].iter().sum::<f64>() / (lag - 1) as f64;
        (mean / apart[lag - 1].max(LEAST_REST * mean)).ln()
    };
    let dips =
        |lag: &usize| apart[lag - 1] < apart[lag - 2].min(apart[*lag]) && rows >= (PERIODS * lag) as f64;
    let lags = || (SHORTEST..LAGS).filter(dips).map(|lag| (lag, contrast(lag)));
    let greatest = lags().map(|(_, contrast)| contrast).fold(SEEN * error, f64::max);
    let (period, _) =
        lags().find(|(_, contrast)| *contrast >= greatest - 2.0 * error && *contrast > SEEN * error)?;
    let certain = near(period as f64, calendar);
    let period = if certain { calendar.round() as usize } else { period };
    let (known, _) = correlation(|l| l == period, products, squares, rows);
    let found = about_a_level(period, f64::from(products[period - 1]) / squares, known, products, squares)?;
    Some(Found { behind: certain.then(|| behind(&last[..period])), ..found })
}

/// The mean of as many values as there are differences, which are the newest first, less the last value.
fn behind(differences: &[Brief]) -> f64 {
    let n = differences.len() as f64;
    -differences.iter().zip(1u8..).map(|(d, age)| (1.0 - f64::from(age) / n) * d.get()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// A season of 12 rows, shown 400 rows of it beside noise of this size, and a level that takes steps of this size.
    fn shown(noise: f64, steps: f64) -> Season {
        let rng = &mut ChaCha8Rng::seed_from_u64(9);
        let mut normal = || -> f64 { StandardNormal.sample(rng) };
        let (mut season, mut level, mut last) = (Season::default(), 0.0, 0.0);
        for row in 0..400u64 {
            level += steps * normal();
            let x = level + noise * normal() + 2.0 * (std::f64::consts::TAU * row as f64 / 12.0).sin();
            season.learn(row, x - std::mem::replace(&mut last, x), f64::MAX, 0.0);
        }
        season
    }

    #[test]
    fn a_season_is_found_about_a_level_only_and_foretold_where_the_level_wanders() {
        assert!(shown(0.5, 0.0).found());
        let wandering = shown(0.0, 0.5);
        assert!(!wandering.found());
        // From the middle of the falling half to that of the rising one.
        let row = 12 * 33 + 4;
        let [deviation, turn] = wandering.ahead(row - 1, 6);
        assert!(deviation == 0.0 && turn < -2.0, "{turn}");
        assert_eq!(wandering.ahead(row - 1, 12), [0.0; 2]);
    }

    #[test]
    fn a_smooth_season_that_may_be_a_day_is_one() {
        let right = |calendar: f64| {
            let find = |seed: &u64| {
                let rng = &mut ChaCha8Rng::seed_from_u64(*seed);
                let mut normal = || -> f64 { StandardNormal.sample(rng) };
                let (mut season, mut last) = (Season::default(), 0.0);
                for row in 0..400u64 {
                    let x = normal() + 2.0 * (std::f64::consts::TAU * row as f64 / 24.0).sin();
                    season.learn(row, x - std::mem::replace(&mut last, x), 10.0, calendar);
                }
                matches!(season, Season::Found { period: 24, .. })
            };
            (0..100).filter(find).count()
        };
        let [day, none] = [24.0, 0.0].map(right);
        assert!(day >= 95 && none < 80, "{day} by the calendar, {none} without");
    }

    #[test]
    fn a_part_of_a_season_is_not_taken_for_it() {
        let right = |period: usize| {
            let find = |seed: &u64| {
                let rng = &mut ChaCha8Rng::seed_from_u64(*seed);
                let mut normal = || -> f64 { StandardNormal.sample(rng) };
                let slots: Vec<f64> = (0..period).map(|_| 2.0 * normal()).collect();
                let (mut season, mut last) = (Season::default(), 0.0);
                for row in 0..300u64 {
                    let x = slots[row as usize % period] + normal();
                    season.learn(row, x - std::mem::replace(&mut last, x), 10.0, 0.0);
                }
                matches!(season, Season::Found { period: found, .. } if usize::from(found) == period)
            };
            (0..400).filter(find).count()
        };
        let found = [12, 6, 4, 7].map(right);
        assert!(found.iter().zip([350, 320, 375, 385]).all(|(found, least)| *found >= least), "{found:?}");
    }
}
