//! Cost and benefit of the words of a tally: time per value, and how often two ways to split the same rows disagree.
//!
//! `cargo bench -p tally-stats` prints both for the candidates that were weighed in docs/accuracy.md.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::hint::black_box;
use tally_stats::{Dd, Tally};

/// A way to keep count, mean and M2.
trait State: Copy {
    const NAME: &'static str;
    fn empty() -> Self;
    fn observe(&mut self, x: f64);
    fn merge(&mut self, other: &Self);
    fn variance(&self) -> f64;
}

/// Welford's update and Chan's merge in plain doubles: 40 bytes with minimum and maximum.
#[derive(Clone, Copy)]
struct Welford {
    n: f64,
    mean: f64,
    m2: f64,
}

impl State for Welford {
    const NAME: &'static str = "Welford, 40 bytes";

    fn empty() -> Self {
        Welford { n: 0.0, mean: 0.0, m2: 0.0 }
    }

    fn observe(&mut self, x: f64) {
        self.n += 1.0;
        let delta = x - self.mean;
        self.mean += delta / self.n;
        self.m2 += delta * (x - self.mean);
    }

    fn merge(&mut self, other: &Self) {
        if other.n == 0.0 {
            return;
        }
        let n = self.n + other.n;
        let delta = other.mean - self.mean;
        self.m2 += other.m2 + delta * delta * self.n * other.n / n;
        self.mean += delta * other.n / n;
        self.n = n;
    }

    fn variance(&self) -> f64 {
        self.m2 / (self.n - 1.0)
    }
}

/// Sums about the first value, in double-double: 64 bytes with minimum and maximum.
#[derive(Clone, Copy)]
struct Pivot {
    n: f64,
    pivot: f64,
    sum: Dd,
    squares: Dd,
}

impl State for Pivot {
    const NAME: &'static str = "pivot and double-double, 64 bytes";

    fn empty() -> Self {
        let zero = Dd::from_f64(0.0);
        Pivot { n: 0.0, pivot: 0.0, sum: zero, squares: zero }
    }

    fn observe(&mut self, x: f64) {
        if self.n == 0.0 {
            self.pivot = x;
        }
        self.n += 1.0;
        let d = Dd::normalized(x, -self.pivot);
        self.sum = self.sum.plus(d);
        self.squares = self.squares.plus(d.times(d));
    }

    fn merge(&mut self, other: &Self) {
        if self.n == 0.0 {
            *self = *other;
            return;
        }
        let shift = Dd::normalized(other.pivot, -self.pivot);
        let n = Dd::from_f64(other.n);
        let twice = Dd::from_f64(2.0).times(shift).times(other.sum);
        self.squares = self.squares.plus(other.squares).plus(twice).plus(n.times(shift).times(shift));
        self.sum = self.sum.plus(other.sum).plus(n.times(shift));
        self.n += other.n;
    }

    fn variance(&self) -> f64 {
        let correction = self.sum.times(self.sum).over(Dd::from_f64(self.n));
        self.squares.minus(correction).over(Dd::from_f64(self.n - 1.0)).round()
    }
}

/// The sums as they are, in double-double: 56 bytes with minimum and maximum.
#[derive(Clone, Copy)]
struct Raw {
    n: f64,
    sum: Dd,
    squares: Dd,
}

impl State for Raw {
    const NAME: &'static str = "raw double-double, 56 bytes";

    fn empty() -> Self {
        let zero = Dd::from_f64(0.0);
        Raw { n: 0.0, sum: zero, squares: zero }
    }

    fn observe(&mut self, x: f64) {
        let x = Dd::from_f64(x);
        self.n += 1.0;
        self.sum = self.sum.plus(x);
        self.squares = self.squares.plus(x.times(x));
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum = self.sum.plus(other.sum);
        self.squares = self.squares.plus(other.squares);
    }

    fn variance(&self) -> f64 {
        let correction = self.sum.times(self.sum).over(Dd::from_f64(self.n));
        self.squares.minus(correction).over(Dd::from_f64(self.n - 1.0)).round()
    }
}

impl State for Tally {
    const NAME: &'static str = "raw, three doubles each (tally), 80 bytes";

    fn empty() -> Self {
        Tally::EMPTY
    }

    fn observe(&mut self, x: f64) {
        Tally::observe(self, x);
    }

    fn merge(&mut self, other: &Self) {
        Tally::merge(self, other);
    }

    fn variance(&self) -> f64 {
        self.var_samp().unwrap_or(f64::NAN)
    }
}

fn normal(rng: &mut ChaCha8Rng, n: usize, mean: f64) -> Vec<f64> {
    let z = |rng: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(rng) };
    (0..n).map(|_| mean + z(rng)).collect()
}

/// Counts the trials, of 10,000, in which serial, and shuffled and merged computation have different bits.
fn disagreements<S: State>(mean: f64) -> usize {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let fold = |values: &[f64]| {
        let mut state = S::empty();
        values.iter().for_each(|&x| state.observe(x));
        state
    };
    (0..10_000)
        .filter(|_| {
            let mut values = normal(&mut rng, 100, mean);
            let serial = fold(&values);
            values.shuffle(&mut rng);
            let (left, right) = values.split_at(rng.random_range(1..100));
            let mut merged = fold(left);
            merged.merge(&fold(right));
            serial.variance() != merged.variance()
        })
        .count()
}

fn candidate<S: State>(c: &mut Criterion) {
    let counts = [0.0, 1e3, 1e6, 1e9, 1e12].map(disagreements::<S>);
    println!("{}: of 10,000 splits at mean/sd 0, 1e3, 1e6, 1e9, 1e12 disagree {counts:?}", S::NAME);

    let values = normal(&mut ChaCha8Rng::seed_from_u64(2), 10_000, 100.0);
    let mut group = c.benchmark_group("observe");
    group.throughput(Throughput::Elements(values.len() as u64));
    group.bench_function(S::NAME, |b| {
        b.iter(|| {
            let mut state = S::empty();
            // One call for each row, as an executor makes it: nothing stays in registers.
            values.iter().for_each(|&x| black_box(&mut state).observe(black_box(x)));
            state
        })
    });
}

fn candidates(c: &mut Criterion) {
    candidate::<Welford>(c);
    candidate::<Pivot>(c);
    candidate::<Raw>(c);
    candidate::<Tally>(c);
}

fn merge_and_report(c: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let tallies: Vec<Tally> =
        (0..1_000).map(|_| normal(&mut rng, 100, 100.0).into_iter().collect()).collect();
    let mut group = c.benchmark_group("tally");
    group.throughput(Throughput::Elements(tallies.len() as u64));
    group.bench_function("merge", |b| {
        b.iter(|| {
            let mut state = Tally::EMPTY;
            tallies.iter().for_each(|t| black_box(&mut state).merge(black_box(t)));
            state
        })
    });
    group
        .bench_function("avg", |b| b.iter(|| tallies.iter().filter_map(|t| black_box(t).avg()).sum::<f64>()));
    group.bench_function("var_samp", |b| {
        b.iter(|| tallies.iter().filter_map(|t| black_box(t).var_samp()).sum::<f64>())
    });
}

criterion_group!(benches, candidates, merge_and_report);
criterion_main!(benches);
