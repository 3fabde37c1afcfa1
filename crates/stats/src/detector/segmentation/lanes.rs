//! All segments side by side while they take in a row, in double precision.
//!
//! Nearly all time of a row goes into the densities of its value under the models of all segments. The same steps for
//! all of them, without branches, let the processor compute two at once and begin the next while they last.

use super::lane::{map, positive, single, within, Lane};
use super::odds::MOST_ODDS;
use crate::detector::functions::{exp, ln};
use crate::detector::scale::{student_peak, Prior};
use wide::f64x2;

/// The weight of the first rows of a segment, which are the same to all its models.
const FIRST: f64 = 0.5;
/// The least share of its squares that a slope leaves a segment.
const LEAST_REST: f64 = 1e-7;

/// The numbers of segments; see [`super::segment::Segment`], [`super::wander::Wander`] and [`super::census::Census`].
#[derive(Default)]
pub struct Lanes<const PAIRS: usize> {
    pub prior: Lane<PAIRS>,
    pub weight: Lane<PAIRS>,
    pub mean: Lane<PAIRS>,
    pub time: Lane<PAIRS>,
    pub times: Lane<PAIRS>,
    pub products: Lane<PAIRS>,
    pub half_squares: Lane<PAIRS>,
    pub slope_odds: Lane<PAIRS>,
    pub level: Lane<PAIRS>,
    pub last: Lane<PAIRS>,
    pub wander_squares: Lane<PAIRS>,
    pub wander_odds: Lane<PAIRS>,
    /// Steps from the start of the segment to the row.
    pub since: Lane<PAIRS>,
    /// Rows since the start of the segment, this one included.
    pub age: Lane<PAIRS>,
    pub census_offset: Lane<PAIRS>,
    pub census_activity: Lane<PAIRS>,
}

/// A row as the segments see it.
struct Arrival<'a, const PAIRS: usize> {
    prior: &'a Prior,
    /// Density of the outlier branch.
    outlier: f64,
    /// The part of a row's evidence that autocorrelation makes common to all models; 0 for none.
    common: f64,
    /// Distances of the value and of the time from the means, and the weights of the means.
    distance: Lane<PAIRS>,
    since: Lane<PAIRS>,
    rows: Lane<PAIRS>,
    /// Whether the row tells the wandering level from the fixed one: the first rows do not tell a level that wanders
    /// from one that was reached; nor do events.
    told: Lane<PAIRS>,
}

/// Densities of a value, or of the step to it.
#[derive(Default)]
struct Densities<const PAIRS: usize> {
    level: Lane<PAIRS>,
    trend: Lane<PAIRS>,
    wander: Lane<PAIRS>,
    /// The step by the noise of the segment, and by that of all rows.
    step: Lane<PAIRS>,
    usual: Lane<PAIRS>,
}

/// Evidence of a row for the models.
struct Weights<const PAIRS: usize> {
    /// Log of the density by the fixed level.
    level: Lane<PAIRS>,
    /// Ratios of the densities with a slope, and with a level that wanders, to that one.
    slope: Lane<PAIRS>,
    wander: Lane<PAIRS>,
    /// Factor of the odds of the wandering level for the noise of the segment, which the fixed level has as well.
    fade: Lane<PAIRS>,
}

const ONE: f64x2 = f64x2::ONE;

impl<const PAIRS: usize> Lanes<PAIRS> {
    /// Takes in a value, and the one before it. Returns the logs of its densities, tempered: multiplied by the weight that
    /// autocorrelated noise leaves it. `outlier` is the density of the outlier branch.
    pub fn observe(&mut self, [x, previous]: [f64; 2], outlier: f64, prior: &Prior) -> Lane<PAIRS> {
        let events = prior.counts.is_some();
        let least = if events { f64::INFINITY } else { FIRST };
        let row = Arrival {
            prior,
            outlier,
            common: if events { 0.0 } else { (prior.temper - prior.weight).max(0.0) },
            distance: map([&self.mean], |[mean]| f64x2::splat(x) - mean),
            since: map([&self.since, &self.time], |[since, time]| since - time),
            rows: map([&self.prior, &self.weight], |[prior, weight]| prior + weight),
            told: map([&self.weight], |[weight]| weight.simd_gt(least)),
        };
        let densities = match &prior.counts {
            None => self.densities(&row),
            Some(counts) => {
                let density = |mean, rows| counts.density(x, mean, rows) * prior.inliers;
                let event = map([&self.mean, &row.rows], |[mean, rows]| density(mean, rows));
                Densities { level: event, trend: event, wander: event, ..Densities::default() }
            }
        };
        let evidence = densities.evidence(events, &row);
        let inlier = self.inliers(&densities, &row);
        let gain = self.weigh(&evidence, &row);
        self.wander(&densities.wander, &inlier, &row);
        let before = self.mean;
        self.learn(&inlier, &row);
        self.count(&before, x - previous, &row);
        gain
    }

    fn densities(&self, row: &Arrival<PAIRS>) -> Densities<PAIRS> {
        let prior = row.prior;
        let (half, distance, since) = (f64x2::splat(0.5), &row.distance, &row.since);
        let spread = map([&row.rows], |[rows]| ONE / rows + 1.0);
        let of_level = map([&self.half_squares, &spread], |[squares, spread]| half / (squares * spread));

        let inverse = map([&self.times], |[times]| ONE / times);
        let slope = map([&self.products, &inverse], |[products, inverse]| products * inverse);
        let from_trend = map([distance, &slope, since], |[distance, slope, since]| distance - slope * since);
        let numbers = [&self.half_squares, &slope, &self.products, &spread, since, &inverse];
        let of_trend = map(numbers, |[squares, slope, products, spread, since, inverse]| {
            let rest = (squares - slope * products * 0.5).fast_max(squares * LEAST_REST);
            half / (rest * (spread + since * since * inverse))
        });

        let from_wander = map([distance, &self.level], |[distance, level]| distance - level);
        let of_wander = map([&self.wander_squares], |[squares]| half / squares);
        if row.common == 0.0 {
            let errors = [distance, &from_trend, &from_wander];
            let [level, trend, wander] = self.students(errors, [&of_level, &of_trend, &of_wander], prior);
            return Densities { level, trend, wander, ..Densities::default() };
        }
        let from_last = map([distance, &self.last], |[distance, last]| distance - last);
        let differences = prior.memory.variance / prior.differences;
        let of_step = map([&of_wander], |[scale]| scale * differences);
        let errors = [distance, &from_trend, &from_wander, &from_last];
        let scales = [&of_level, &of_trend, &of_wander, &of_step];
        let [level, trend, wander, step] = self.students(errors, scales, prior);
        let (peak, width) = (prior.inliers * prior.step_peak(), -0.5 / prior.differences);
        let usual = map([&from_last], |[off]| exp(off * off * width) * peak);
        Densities { level, trend, wander, step, usual }
    }

    /// Densities of errors by Student's t of these scales, as many at once as there are: each step is taken of all of them, so
    /// that the processor need not wait for the last one.
    #[inline(always)]
    fn students<const MODELS: usize>(
        &self,
        errors: [&Lane<PAIRS>; MODELS],
        scales: [&Lane<PAIRS>; MODELS],
        prior: &Prior,
    ) -> [Lane<PAIRS>; MODELS] {
        let a = map([&self.weight], |[weight]| weight * 0.5 + prior.noise_rows);
        let peak = map([&a], |[a]| student_peak(a));
        let model = std::array::from_fn(|model| model);
        let far = model
            .map(|i: usize| map([errors[i], scales[i]], |[error, scale]| ln(error * error * scale + 1.0)));
        let tails = far.map(|far| map([&a, &far], |[a, far]| exp((a + 0.5) * -far)));
        model.map(|i| {
            map([&tails[i], scales[i], &peak], |[tail, scale, peak]| {
                tail * (peak * scale).sqrt() * prior.inliers
            })
        })
    }

    /// Probabilities that the value is no outlier.
    fn inliers(&self, densities: &Densities<PAIRS>, row: &Arrival<PAIRS>) -> Lane<PAIRS> {
        let Densities { level, trend, wander, .. } = densities;
        let wander = map([&row.told, wander, level], |[told, wander, level]| told.select(wander, level));
        let numbers = [level, trend, &wander, &self.slope_odds, &self.wander_odds];
        map(numbers, |[level, trend, wander, slopes, wanders]| {
            let density = level + slopes * trend + wanders * wander;
            density / (density + (slopes + wanders + 1.0) * row.outlier)
        })
    }

    /// Weighs the models of the segments; returns the logs of the densities by all of them.
    fn weigh(&mut self, evidence: &Weights<PAIRS>, row: &Arrival<PAIRS>) -> Lane<PAIRS> {
        let before = map([&self.slope_odds, &self.wander_odds], |[slope, wander]| slope + wander + 1.0);
        let slope = map([&self.slope_odds, &evidence.slope], |[odds, factor]| odds * factor);
        let wander = map([&row.told, &self.wander_odds, &evidence.wander], |[told, odds, factor]| {
            odds * told.select(factor, ONE)
        });
        self.slope_odds = map([&slope], |[odds]| within(odds, 1.0 / MOST_ODDS, MOST_ODDS));
        self.wander_odds = map([&row.told, &wander, &evidence.fade], |[told, odds, fade]| {
            within(odds * told.select(fade, ONE), 1.0 / MOST_ODDS, MOST_ODDS)
        });
        map([&evidence.level, &slope, &wander, &before], |[level, slope, wander, before]| {
            level + ln((slope + wander + 1.0) / before)
        })
    }

    /// Learns the wandering level, and keeps the last value: of an outlier nothing remains.
    fn wander(&mut self, density: &Lane<PAIRS>, inlier: &Lane<PAIRS>, row: &Arrival<PAIRS>) {
        let (prior, told, distance) = (row.prior, &row.told, &row.distance);
        let error = map([distance, &self.level], |[distance, level]| distance - level);
        let off = map([density, &error], |[density, error]| density / (density + row.outlier) * error);
        let squares = [told, &self.wander_squares, &off, &error];
        self.wander_squares = map(squares, |[told, squares, off, error]| {
            positive(squares + (told & (off * error * (0.5 * prior.weight))))
        });
        self.level = map([told, &self.level, &off, distance], |[told, level, off, distance]| {
            told.select(level + off * prior.memory.gain, distance)
        });
        self.last = map([told, &self.last, inlier, distance], |[told, last, inlier, distance]| {
            let last = told.select(last, distance);
            inlier * distance + (ONE - inlier) * prior.correlation * last
        });
    }

    /// Learns the fixed level and the slope. An outlier moves nothing: the more probable that the value is one, the less
    /// it moves the segment.
    fn learn(&mut self, inlier: &Lane<PAIRS>, row: &Arrival<PAIRS>) {
        let Arrival { prior, rows, distance, since, .. } = row;
        let weight = map([inlier], |[inlier]| inlier * prior.weight);
        let step = map([rows, &weight], |[rows, weight]| weight / (rows + weight));
        let joint = map([rows, &step], |[rows, step]| rows * step);
        let moved = map([distance, &step], |[distance, step]| distance * step);
        self.mean = map([&self.mean, &moved], |[mean, moved]| mean + moved);
        // The wandering level and the last value are kept as distances from the mean.
        self.level = map([&self.level, &moved], |[level, moved]| single(level - moved));
        self.last = map([&self.last, &moved], |[last, moved]| single(last - moved));
        self.time = map([&self.time, since, &step], |[time, since, step]| time + since * step);
        let times = [&self.times, &joint, since];
        self.times = map(times, |[times, joint, since]| positive(times + joint * since * since));
        let products = [&self.products, &joint, distance, since];
        self.products =
            map(products, |[products, joint, distance, since]| single(products + joint * distance * since));
        let squares = [&self.half_squares, &joint, distance];
        self.half_squares =
            map(squares, |[squares, joint, distance]| positive(squares + joint * distance * distance * 0.5));
        self.weight = map([&self.weight, &weight], |[sum, weight]| sum + weight);
    }

    /// Takes the row, which is this far from the one before, into the census; the means of the segments were at `before`.
    /// Deviations are cut off, so that no single row decides.
    fn count(&mut self, before: &Lane<PAIRS>, difference: f64, row: &Arrival<PAIRS>) {
        let reach = row.prior.reach;
        let moved = map([&self.mean, before], |[mean, before]| mean - before);
        let numbers = [&self.census_offset, &row.distance, &moved, &self.age];
        self.census_offset = map(numbers, |[offset, distance, moved, age]| {
            single(offset + within(distance - offset, -reach, reach) / age - moved)
        });
        let size = f64x2::splat(difference.abs().min(reach));
        self.census_activity = map([&self.census_activity, &self.age], |[activity, age]| {
            single(activity + (size - activity) / (age - 1.0))
        });
    }
}

impl<const PAIRS: usize> Densities<PAIRS> {
    /// Evidence of a row for and against the models. Events do not tell them apart.
    ///
    /// Of autocorrelated rows, a fixed level has a share that the correlation leaves, and the rest is common to all
    /// models: the density of the step from the row before. The wandering level explains the whole of the row.
    fn evidence(&self, events: bool, row: &Arrival<PAIRS>) -> Weights<PAIRS> {
        let Arrival { prior, outlier, common, .. } = *row;
        let log = |density: &Lane<PAIRS>| map([density], |[density]| ln(density + outlier));
        let one = Lane::splat(1.0);
        if events {
            let level = map([&log(&self.level)], |[level]| level * prior.weight);
            return Weights { level, slope: one, wander: one, fade: one };
        }
        let [level, trend, wander] = [&self.level, &self.trend, &self.wander].map(log);
        let level = map([&level], |[level]| level * prior.weight);
        let slope = map([&trend, &level], |[trend, level]| trend * prior.weight - level);
        let mut wander = map([&wander, &level], |[wander, level]| wander * prior.temper - level);
        let mut fade = one;
        if common > 0.0 {
            let [step, usual] = [&self.step, &self.usual].map(log);
            wander = map([&wander, &usual], |[wander, usual]| wander - (usual * common + prior.credit));
            fade = map([&usual, &step], |[usual, step]| exp((usual - step) * common));
        }
        let [slope, wander] = [slope, wander].map(|log| map([&log], |[log]| exp(log)));
        Weights { level, slope, wander, fade }
    }
}
