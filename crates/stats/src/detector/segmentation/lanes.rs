//! All segments side by side while they take in a row, in double precision.
//!
//! Nearly all time of a row goes into the densities of its value under the models of all segments. The same steps for
//! all of them, without branches, let the processor compute as many at once as it can, and begin the next while they last.

use super::odds::MOST_ODDS;
use crate::detector::functions::{exp, ln};
use crate::detector::scale::{student_peak, DriftMemory, Prior};
use crate::detector::vector::{positive, quotient, single, within, Vector};
use fearless_simd::Select;

/// The weight of the first rows of a segment, which are the same to all its models.
const FIRST: f64 = 0.5;
/// Factor of odds beyond their bound: more than a few rows make of them.
const LESS: f64 = 1.0 / (1u64 << 32) as f64;
/// The least share of its squares that a slope leaves a segment.
const LEAST_REST: f64 = 1e-7;

/// The numbers of segments; see [`super::segment::Segment`], [`super::wander::Wander`] and [`super::census::Census`].
pub struct Lanes<V> {
    pub prior: V,
    pub weight: V,
    pub mean: V,
    pub time: V,
    pub times: V,
    pub products: V,
    pub half_squares: V,
    pub slope_odds: V,
    pub level: V,
    pub last: V,
    pub drift: V,
    pub wander_squares: V,
    pub wander_odds: V,
    /// Steps from the start of the segment to the row.
    pub since: V,
    /// Rows since the start of the segment, this one included.
    pub age: V,
    pub census_offset: V,
    pub census_activity: V,
}

/// A row as the segments see it.
struct Arrival<'a, V: Vector> {
    prior: &'a Prior,
    /// Steps since the last value.
    steps: f64,
    /// Density of the outlier branch.
    outlier: f64,
    /// The part of a row's evidence that autocorrelation makes common to all models; 0 for none.
    common: f64,
    /// Distances of the value and of the time from the means, and the weights of the means.
    distance: V,
    since: V,
    rows: V,
    /// Whether the row tells the wandering level from the fixed one: the first rows do not tell a level that wanders
    /// from one that was reached; nor do events.
    told: V::Mask,
    one: V,
}

/// Densities of a value.
struct Densities<V> {
    level: V,
    trend: V,
    wander: V,
    /// Densities of the step to it, by the noise of the segment and by that of all rows, where evidence is common to all models.
    steps: Option<[V; 2]>,
}

/// Evidence of a row for the models.
struct Weights<V> {
    /// Log of the density by the fixed level.
    level: V,
    /// Ratios of the densities with a slope, and with a level that wanders, to that one.
    slope: V,
    wander: V,
    /// Factor of the odds of the wandering level for the noise of the segment, which the fixed level has as well.
    fade: V,
}

impl<V: Vector> Lanes<V> {
    /// Lanes of no segments.
    #[inline(always)]
    pub fn empty(simd: V::Kind) -> Lanes<V> {
        let none = V::splat(simd, 0.0);
        Lanes {
            prior: none,
            weight: none,
            mean: none,
            time: none,
            times: none,
            products: none,
            half_squares: none,
            slope_odds: none,
            level: none,
            last: none,
            drift: none,
            wander_squares: none,
            wander_odds: none,
            since: none,
            age: none,
            census_offset: none,
            census_activity: none,
        }
    }

    /// Takes in a value, and the one before it, which is this many steps ago. Returns the logs of its densities, tempered:
    /// multiplied by the weight that autocorrelated noise leaves it. `outlier` is the density of the outlier branch.
    #[inline(always)]
    pub fn observe(&mut self, [x, previous]: [f64; 2], steps: f64, outlier: f64, prior: &Prior) -> V {
        let simd = self.mean.token();
        let events = prior.counts.is_some();
        let least = if events { f64::INFINITY } else { FIRST };
        let row = Arrival {
            prior,
            steps,
            outlier,
            common: if events { 0.0 } else { (prior.temper - prior.weight).max(0.0) },
            distance: V::splat(simd, x) - self.mean,
            since: self.since - self.time,
            rows: self.prior + self.weight,
            told: self.weight.simd_gt(least),
            one: V::splat(simd, 1.0),
        };
        let densities = match &prior.counts {
            None => self.densities(&row),
            Some(counts) => {
                let event = counts.density(x, self.mean, row.rows) * prior.inliers;
                Densities { level: event, trend: event, wander: event, steps: None }
            }
        };
        let evidence = densities.evidence(events, &row);
        let inlier = self.inliers(&densities, &row);
        let gain = self.weigh(&evidence, &row);
        self.wander(densities.wander, inlier, &row);
        let before = self.mean;
        self.learn(inlier, &row);
        self.count(before, x - previous, &row);
        gain
    }

    #[inline(always)]
    fn densities(&self, row: &Arrival<V>) -> Densities<V> {
        let Arrival { prior, distance, since, rows, .. } = *row;
        let spread = quotient(1.0, rows) + 1.0;
        let of_level = quotient(0.5, self.half_squares * spread);

        let inverse = quotient(1.0, self.times);
        let slope = self.products * inverse;
        let from_trend = distance - slope * since;
        let rest = (self.half_squares - slope * self.products * 0.5).max(self.half_squares * LEAST_REST);
        let of_trend = quotient(0.5, rest * (spread + since * since * inverse));

        let from_wander = self.wander_errors(row);
        let of_wander = match &prior.memory.drift {
            None => quotient(0.5, self.wander_squares),
            Some(drift) => {
                let known = drift_steps(self.since - row.steps, drift);
                known * 0.5 / (self.wander_squares * (known + 1.0))
            }
        };
        if row.common == 0.0 {
            let errors = [distance, from_trend, from_wander];
            let [level, trend, wander] = self.students(errors, [of_level, of_trend, of_wander], prior);
            return Densities { level, trend, wander, steps: None };
        }
        let from_last = distance - self.last;
        let of_step = of_wander * (prior.memory.variance / prior.differences);
        let errors = [distance, from_trend, from_wander, from_last];
        let scales = [of_level, of_trend, of_wander, of_step];
        let [level, trend, wander, step] = self.students(errors, scales, prior);
        let (peak, width) = (prior.inliers * prior.step_peak(), -0.5 / prior.differences);
        let usual = exp(from_last * from_last * width) * peak;
        Densities { level, trend, wander, steps: Some([step, usual]) }
    }

    /// Errors of the forecasts by the wandering level, and its drift if it has one.
    #[inline(always)]
    fn wander_errors(&self, row: &Arrival<V>) -> V {
        let from_level = row.distance - self.level;
        if row.prior.memory.drift.is_none() {
            return from_level;
        }
        from_level - self.drift * row.steps
    }

    /// Densities of errors by Student's t of these scales, as many at once as there are: each step is taken of all of them, so
    /// that the processor need not wait for the last one.
    #[inline(always)]
    fn students<const MODELS: usize>(
        &self,
        errors: [V; MODELS],
        scales: [V; MODELS],
        prior: &Prior,
    ) -> [V; MODELS] {
        let a = self.weight * 0.5 + prior.noise_rows;
        let peak = student_peak(a);
        let mut densities = scales;
        for (density, error) in densities.iter_mut().zip(errors) {
            *density = ln(error * error * *density + 1.0);
        }
        for (density, scale) in densities.iter_mut().zip(scales) {
            *density = exp((a + 0.5) * -*density) * (peak * scale).sqrt() * prior.inliers;
        }
        densities
    }

    /// Probabilities that the value is no outlier.
    #[inline(always)]
    fn inliers(&self, densities: &Densities<V>, row: &Arrival<V>) -> V {
        let Densities { level, trend, wander, .. } = *densities;
        let (slopes, wanders) = (self.slope_odds, self.wander_odds);
        let density = level + slopes * trend + wanders * row.told.select(wander, level);
        density / (density + (slopes + wanders + 1.0) * row.outlier)
    }

    /// Weighs the models of the segments; returns the logs of the densities by all of them.
    #[inline(always)]
    fn weigh(&mut self, evidence: &Weights<V>, row: &Arrival<V>) -> V {
        let Arrival { told, one, .. } = *row;
        let before = self.slope_odds + self.wander_odds + 1.0;
        let slope = self.slope_odds * evidence.slope;
        let wander = self.wander_odds * told.select(evidence.wander, one);
        let faded = wander * told.select(evidence.fade, one);
        if row.prior.memory.drift.is_some() {
            self.slope_odds = far_apart(slope, faded);
            self.wander_odds = far_apart(faded, slope);
        } else {
            // A season that is not known yet would otherwise pass for a level that wanders.
            self.slope_odds = within(slope, 1.0 / MOST_ODDS, MOST_ODDS);
            self.wander_odds = within(faded, 1.0 / MOST_ODDS, MOST_ODDS);
        }
        evidence.level + ln((slope + wander + 1.0) / before)
    }

    /// Learns the wandering level, and keeps the last value: of an outlier nothing remains.
    #[inline(always)]
    fn wander(&mut self, density: V, inlier: V, row: &Arrival<V>) {
        let Arrival { prior, told, distance, one, .. } = *row;
        let error = self.wander_errors(row);
        let off = density / (density + row.outlier) * error;
        if let Some(memory) = &prior.memory.drift {
            self.level += self.drift * row.steps;
            self.drift = single(self.drift + told.select(off, error) / drift_steps(self.since, memory));
        } else {
            // A drift of before would remain in the readings.
            self.drift = one * 0.0;
        }
        let square = off * error * (0.5 * prior.weight);
        let squares = self.wander_squares;
        self.wander_squares = positive(told.select(squares + square, squares));
        self.level = told.select(self.level + off * prior.memory.gain, distance);
        let last = told.select(self.last, distance);
        self.last = inlier * distance + (one - inlier) * prior.correlation * last;
    }

    /// Learns the fixed level and the slope. An outlier moves nothing: the more probable that the value is one, the less
    /// it moves the segment.
    #[inline(always)]
    fn learn(&mut self, inlier: V, row: &Arrival<V>) {
        let Arrival { prior, rows, distance, since, .. } = *row;
        let weight = inlier * prior.weight;
        let step = weight / (rows + weight);
        let joint = rows * step;
        let moved = distance * step;
        self.mean += moved;
        // The wandering level and the last value are kept as distances from the mean.
        self.level = single(self.level - moved);
        self.last = single(self.last - moved);
        self.time += since * step;
        self.times = positive(self.times + joint * since * since);
        self.products = single(self.products + joint * distance * since);
        self.half_squares = positive(self.half_squares + joint * distance * distance * 0.5);
        self.weight += weight;
    }

    /// Takes the row, which is this far from the one before, into the census; the means of the segments were at `before`.
    /// Deviations are cut off, so that no single row decides.
    #[inline(always)]
    fn count(&mut self, before: V, difference: f64, row: &Arrival<V>) {
        let reach = row.prior.reach;
        let off = within(row.distance - self.census_offset, -reach, reach);
        self.census_offset = single(self.census_offset + off / self.age - (self.mean - before));
        let size = V::splat(row.one.token(), difference.abs().min(reach));
        let activity = self.census_activity;
        self.census_activity = single(activity + (size - activity) / (self.age - 1.0));
    }
}

/// Odds of a slope or of a wandering level within their bounds. Where both leave the fixed level far behind, it is the level
/// that is bounded, and they remain as far from each other.
#[inline(always)]
fn far_apart<V: Vector>(odds: V, other: V) -> V {
    let far = odds.max(other).simd_gt(MOST_ODDS);
    let [odds, other] = [odds, other].map(|odds| far.select(odds * LESS, odds));
    let least = other.max(1.0) * (1.0 / MOST_ODDS);
    odds.max(least).min(MOST_ODDS)
}

/// Steps that a drift is the mean of this long after the start, its prior included. Rows of nearly the same time say little of it.
#[inline(always)]
fn drift_steps<V: Vector>(since: V, drift: &DriftMemory) -> V {
    within(since + drift.prior, 1.0, drift.steps)
}

impl<V: Vector> Densities<V> {
    /// Evidence of a row for and against the models. Events do not tell them apart.
    ///
    /// Of autocorrelated rows, a fixed level has a share that the correlation leaves, and the rest is common to all
    /// models: the density of the step from the row before. The wandering level explains the whole of the row.
    #[inline(always)]
    fn evidence(&self, events: bool, row: &Arrival<V>) -> Weights<V> {
        let Arrival { prior, outlier, common, one, .. } = *row;
        let level = ln(self.level + outlier) * prior.weight;
        if events {
            return Weights { level, slope: one, wander: one, fade: one };
        }
        let slope = ln(self.trend + outlier) * prior.weight - level;
        let mut wander = ln(self.wander + outlier) * prior.temper - level;
        let mut fade = one;
        if let Some([step, usual]) = self.steps {
            let (step, usual) = (ln(step + outlier), ln(usual + outlier));
            wander -= usual * common + prior.credit;
            fade = exp((usual - step) * common);
        }
        Weights { level, slope: exp(slope), wander: exp(wander), fade }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::scale::{SeriesScale, When};
    use crate::detector::settings::Settings;
    use fearless_simd::{dispatch, f64x8, Level, Simd, SimdBase};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// The levels of this processor, the least first.
    fn levels() -> Vec<Level> {
        let best = Level::new();
        let mut levels = vec![Level::baseline()];
        #[cfg(target_arch = "x86_64")]
        levels.extend(best.as_avx2().map(Simd::level));
        levels.push(best);
        levels
    }

    /// The prior after numbers each of which is made of normal-like noise and the last one.
    fn prior(next: impl Fn(f64, f64) -> f64) -> Prior {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let (mut scale, mut last) = (SeriesScale::default(), 0.0);
        for row in 0..200 {
            let place = row as f64;
            last = next((0..4).map(|_| rng.random_range(-1.0..1.0)).sum(), last);
            let when = When { row, place, before: place - 1.0, period: 0.0 };
            scale.learn(last, &when, &Settings::DEFAULT);
        }
        scale.prior(&scale.noise(&Settings::DEFAULT), &Settings::DEFAULT)
    }

    /// The bits of all numbers after some rows by a prior: those of the segments, and the logs of the densities.
    #[inline(always)]
    fn bits<S: Simd>(simd: S, prior: &Prior) -> Vec<u64> {
        let rng = &mut ChaCha8Rng::seed_from_u64(2);
        let mut any = |least: f64, most: f64| f64x8::from_fn(simd, |_| rng.random_range(least..most));
        let mut lanes = Lanes {
            prior: any(0.01, 3.0),
            weight: any(0.0, 300.0),
            mean: any(-3.0, 3.0),
            time: any(0.0, 150.0),
            times: any(1.0, 1e6),
            products: any(-1e3, 1e3),
            half_squares: any(1.0, 200.0),
            slope_odds: any(1e-3, 2.0),
            level: any(-1.0, 1.0),
            last: any(-1.0, 1.0),
            drift: any(-0.1, 0.1),
            wander_squares: any(1.0, 200.0),
            wander_odds: any(1e-3, 2.0),
            since: any(150.0, 300.0),
            age: any(2.0, 300.0),
            census_offset: any(-1.0, 1.0),
            census_activity: any(0.0, 2.0),
        };
        let mut all = Vec::new();
        for row in 0..50 {
            let x = f64::from(row % 5);
            let gains = lanes.observe([x, f64::from(row % 3)], 1.0, 1e-3, prior);
            let Lanes { mean, products, half_squares, slope_odds, wander_odds, last, drift, .. } = lanes;
            let learned = [mean, products, half_squares, slope_odds, wander_odds, last, lanes.census_offset];
            let numbers = learned.into_iter().chain([gains, drift, lanes.level, lanes.census_activity]);
            all.extend(numbers.flat_map(|lane| lane.to_array()).map(f64::to_bits));
        }
        all
    }

    #[test]
    fn every_processor_gets_the_same_bits() {
        let white = prior(|noise, _| noise);
        let walk = prior(|noise, last| noise + 0.7 * last);
        let counts = prior(|noise, _| noise.abs().floor());
        let counter = prior(|noise, last| last + 10.0 + 0.1 * noise);
        let taken = [counts.counts.is_some(), walk.temper > walk.weight, counter.memory.drift.is_some()];
        assert_eq!(taken, [true; 3], "not each way is taken");
        for prior in [white, walk, counts, counter] {
            let all = levels().into_iter().map(|level| dispatch!(level, simd => bits(simd, &prior)));
            let all: Vec<Vec<u64>> = all.collect();
            assert!(all[0].iter().all(|bits| f64::from_bits(*bits).is_finite()));
            assert!(all.iter().all(|bits| *bits == all[0]), "{:?}", levels());
        }
    }

    #[test]
    fn a_series_that_no_longer_drifts_forgets_the_drift() {
        let [counter, walk] = [10.0, 0.0].map(|rate| prior(|noise, last| last + rate + 0.1 * noise));
        assert_eq!([counter, walk].map(|prior| prior.memory.drift.is_some()), [true, false]);
        dispatch!(Level::baseline(), simd => {
            let mut lanes = Lanes::<f64x8<_>>::empty(simd);
            let ones = [&mut lanes.prior, &mut lanes.weight, &mut lanes.times, &mut lanes.half_squares, &mut lanes.wander_squares];
            ones.into_iter().for_each(|lane| *lane = SimdBase::splat(simd, 1.0));
            (lanes.since, lanes.age) = (SimdBase::splat(simd, 5.0), SimdBase::splat(simd, 6.0));
            lanes.observe([10.0, 0.0], 1.0, 1e-3, &counter);
            assert!(lanes.drift[0] > 0.0);
            lanes.observe([10.0, 10.0], 1.0, 1e-3, &walk);
            assert_eq!(lanes.drift.to_array(), [0.0; 8]);
        });
    }
}
