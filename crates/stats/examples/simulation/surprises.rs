//! Surprises of series in which nothing happens, by their noise: a surprise of 3 should come once in a thousand rows.

use crate::draw::{add, summed, Draw};
use crate::score::Watched;
use std::f64::consts::TAU;
use tally_stats::detector::Settings;

/// Rows of a series, and rows of a day: a row every quarter of an hour.
pub const LENGTHS: [usize; 4] = [200, 1000, 5000, 20_000];
const DAY: usize = 96;
const STEP: i64 = 86_400_000_000 / DAY as i64;
/// Surprises whose frequency is told.
pub const AT: [f64; 5] = [2.0, 2.5, 3.0, 3.5, 4.0];

pub struct Kind {
    pub name: &'static str,
    make: fn(&mut Draw, usize) -> Vec<f64>,
}

pub const KINDS: [Kind; 27] = [
    Kind { name: "white", make: |d, n| d.white(n) },
    Kind { name: "AR(1) 0.5", make: |d, n| d.correlated(0.5, n) },
    Kind { name: "AR(1) 0.9", make: |d, n| d.correlated(0.9, n) },
    Kind { name: "Laplace", make: |d, n| d.laplace(n) },
    Kind { name: "t(6)", make: |d, n| d.student(6.0, n) },
    Kind { name: "t(3)", make: |d, n| d.student(3.0, n) },
    Kind { name: "t(2.2)", make: |d, n| d.student(2.2, n) },
    Kind { name: "exponential", make: |d, n| d.exponential(n) },
    Kind { name: "log-normal", make: |d, n| d.log_normal(n) },
    Kind { name: "counts 0.2", make: |d, n| counts(d, n, 0.2) },
    Kind { name: "counts 1", make: |d, n| counts(d, n, 1.0) },
    Kind { name: "counts 5", make: |d, n| counts(d, n, 5.0) },
    Kind { name: "counts 50", make: |d, n| counts(d, n, 50.0) },
    Kind { name: "flags 0.1", make: |d, n| (0..n).map(|_| f64::from(d.chance(0.1))).collect() },
    Kind { name: "rounded", make: |d, n| d.white(n).iter().map(|x| x.round()).collect() },
    Kind { name: "trend", make: |d, n| (0..n).map(|i| 0.05 * i as f64 + d.normal()).collect() },
    Kind { name: "walk", make: |d, n| summed(d.white(n)) },
    Kind { name: "walk and noise", make: |d, n| drifting(d, n) },
    Kind { name: "AR(1) 0.5, t(3)", make: |d, n| heavy_and_correlated(d, n) },
    Kind { name: "volatility", make: |d, n| volatile(d, n) },
    Kind { name: "season of 12", make: |d, n| seasonal(d, n, 12) },
    Kind { name: "a day", make: |d, n| daily(d, n, 3.0, 0.0) },
    Kind { name: "a day, t(3)", make: |d, n| daily_heavy(d, n) },
    Kind { name: "busy hours", make: |d, n| daily(d, n, 3.0, 0.8) },
    Kind { name: "office hours", make: |d, n| office(d, n) },
    Kind { name: "volumes", make: |d, n| volumes(d, n) },
    Kind { name: "weekends", make: |d, n| weekly(d, n) },
];

fn counts(d: &mut Draw, n: usize, mean: f64) -> Vec<f64> {
    (0..n).map(|_| d.poisson(mean)).collect()
}

fn drifting(d: &mut Draw, n: usize) -> Vec<f64> {
    let steps = d.white(n);
    let mut x = d.white(n);
    add(&mut x, &summed(steps), 0.1);
    x
}

fn heavy_and_correlated(d: &mut Draw, n: usize) -> Vec<f64> {
    let mut x = 0.0;
    let next = |e: f64| {
        x = 0.5 * x + e;
        x
    };
    d.student(3.0, n).into_iter().map(next).collect()
}

/// Noise whose size goes up and down.
fn volatile(d: &mut Draw, n: usize) -> Vec<f64> {
    let sizes = d.correlated(0.98, n);
    sizes.into_iter().map(|size| (0.4 * size).exp() * d.normal()).collect()
}

fn seasonal(d: &mut Draw, n: usize, period: usize) -> Vec<f64> {
    let mut x = d.white(n);
    add(&mut x, &d.season(period as f64, n), 3.0);
    x
}

fn hour(i: usize) -> f64 {
    (TAU * i as f64 / DAY as f64).sin()
}

/// A day's curve, whose noise may be greater by day.
fn daily(d: &mut Draw, n: usize, size: f64, more: f64) -> Vec<f64> {
    (0..n).map(|i| size * hour(i) + (1.0 + more * hour(i)) * d.normal()).collect()
}

fn daily_heavy(d: &mut Draw, n: usize) -> Vec<f64> {
    d.student(3.0, n).into_iter().enumerate().map(|(i, x)| 3.0 * hour(i) + x).collect()
}

fn works(i: usize) -> bool {
    (32..72).contains(&(i % DAY))
}

fn office(d: &mut Draw, n: usize) -> Vec<f64> {
    (0..n).map(|i| if works(i) { 8.0 } else { 0.0 } + d.normal()).collect()
}

fn weekly(d: &mut Draw, n: usize) -> Vec<f64> {
    (0..n).map(|i| if works(i) && i / DAY % 7 < 5 { 5.0 } else { 0.0 } + d.normal()).collect()
}

fn volumes(d: &mut Draw, n: usize) -> Vec<f64> {
    let count = |i| {
        let burst = d.gamma(10.0) / 10.0;
        d.poisson(30.0 * (1.2 + hour(i)) * burst)
    };
    (0..n).map(count).collect()
}

impl Kind {
    /// Values and times of a series.
    pub fn draw(&self, seed: u64, number: usize, rows: usize) -> (Vec<f64>, Vec<i64>) {
        let mut d = Draw::new(seed, self.name, number);
        ((self.make)(&mut d, rows), (0..rows as i64).map(|i| i * STEP).collect())
    }
}

/// Rows of 1000 that exceed each of [`AT`], and the alerts at 3 that silence leaves of them.
pub fn frequencies(surprises: Vec<Vec<f32>>, s: &Settings) -> [f64; 6] {
    let mut sums = [0.0; 6];
    let mut rows = 0.0;
    for surprises in surprises {
        let watched = Watched { surprises, windows: vec![], kinds: vec![] };
        let alerts = watched.score(crate::THRESHOLD, s);
        let clean = alerts.clean as f64;
        for (sum, share) in sums.iter_mut().zip(watched.exceeding(&AT)) {
            *sum += share * clean;
        }
        sums[AT.len()] += 1000.0 * alerts.wrong as f64;
        rows += clean;
    }
    sums.map(|sum| sum / rows)
}
