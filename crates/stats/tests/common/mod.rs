//! The oracle of the property tests, exact integers, and the data to try.
#![allow(dead_code)] // Each test file uses its own share.

use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tally_stats::Tally;

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A finite double in units of 2^-1074.
fn units(x: f64) -> BigInt {
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as u32;
    let fraction = bits & ((1 << 52) - 1);
    let magnitude = match exponent {
        0 => BigInt::from(fraction),
        _ => BigInt::from(fraction | 1 << 52) << (exponent - 1),
    };
    if x < 0.0 {
        -magnitude
    } else {
        magnitude
    }
}

/// The distance to the next double, in units of 2^-1074.
fn ulp(x: f64) -> BigInt {
    let exponent = (x.to_bits() >> 52 & 0x7ff) as u32;
    BigInt::from(1) << exponent.saturating_sub(1)
}

/// Exact count, sum and sum of squares.
#[derive(Clone, Default)]
pub struct Exact {
    n: i64,
    /// The sum, in units of 2^-1074.
    sum: BigInt,
    /// The sum of squares, in units of 2^-2148.
    squares: BigInt,
}

impl Exact {
    pub fn of(values: &[f64]) -> Self {
        Self::of_wide(&values.iter().map(|&x| (x, 0.0)).collect::<Vec<_>>())
    }

    pub fn of_wide(values: &[(f64, f64)]) -> Self {
        let mut exact = Exact::default();
        for &(hi, lo) in values {
            let x = units(hi) + units(lo);
            exact.n += 1;
            exact.squares += &x * &x;
            exact.sum += x;
        }
        exact
    }

    /// n M2, in units of 2^-2148.
    fn n_m2(&self) -> BigInt {
        &self.squares * self.n - &self.sum * &self.sum
    }

    /// Panics unless every accessor is within one unit in the last place of the exact result.
    pub fn assert_close(&self, tally: &Tally, what: &str) {
        let n = BigInt::from(self.n);
        let one = BigInt::from(1);
        let m2 = self.n_m2();
        assert_eq!(tally.num_vals(), self.n, "count of {what}");
        near(tally.sum(), &self.sum, &one, 1074, &format!("sum of {what}"));
        near(tally.avg(), &self.sum, &n, 1074, &format!("mean of {what}"));
        near(tally.m2(), &m2, &n, 2148, &format!("m2 of {what}"));
        near(tally.var_pop(), &m2, &(&n * &n), 2148, &format!("var_pop of {what}"));
        if self.n > 1 {
            let samples = &n * (self.n - 1);
            near(tally.var_samp(), &m2, &samples, 2148, &format!("var_samp of {what}"));
            near_root(tally.stddev_samp().unwrap(), &m2, &samples, &format!("stddev of {what}"));
        } else {
            assert_eq!((tally.var_samp(), tally.stddev_samp()), (None, None), "{what}");
        }
    }
}

/// Asserts that `x` is within one ulp of `num / den * 2^-scale`. Beyond the largest double, infinity is.
fn near(x: Option<f64>, num: &BigInt, den: &BigInt, scale: u32, what: &str) {
    let x = x.unwrap();
    let shift = scale - 1074;
    if x.is_infinite() {
        let largest = (units(f64::MAX) << shift) * den;
        assert!(num.abs() > largest && num.is_negative() == (x < 0.0), "{what} is {x}");
        return;
    }
    let miss = (units(x) << shift) * den - num;
    let allowed = (ulp(x) << shift) * den;
    assert!(miss.abs() <= allowed, "{what} is {x:e}, {} ulp off", ratio(&miss, &allowed));
}

/// Asserts that `x` is within one ulp of the square root of `num / den * 2^-2148`.
fn near_root(x: f64, num: &BigInt, den: &BigInt, what: &str) {
    assert!(x.is_finite(), "{what} is {x}");
    let (below, above) = (units(x) - ulp(x), units(x) + ulp(x));
    let below = if below.is_negative() { BigInt::zero() } else { below };
    assert!(&below * &below * den <= *num && *num <= &above * &above * den, "{what} is {x:e}");
}

fn ratio(a: &BigInt, b: &BigInt) -> f64 {
    let (a, b): (BigInt, BigInt) = (a * 1000, b.clone());
    (a / b).to_string().parse::<f64>().unwrap_or(f64::NAN) / 1000.0
}

/// One data set of a kind that has broken a variance somewhere.
pub fn data(rng: &mut ChaCha8Rng, most: usize) -> (String, Vec<f64>) {
    let n = match rng.random_range(0..10) {
        0 => rng.random_range(1..=3),
        1..=7 => rng.random_range(1..=most.min(200)),
        _ => rng.random_range(1..=most),
    };
    let kinds: [(&str, Generator); 12] = [
        ("normal", |r, n| normal(r, n, 0.0, 1.0)),
        ("offset up to 1e12 sd", |r, n| {
            let offset = 10f64.powf(r.random_range(0.0..12.0));
            normal(r, n, offset, 1.0)
        }),
        ("scaled offset", |r, n| {
            let sd = 10f64.powi(r.random_range(-100..100));
            let offset = 10f64.powf(r.random_range(-12.0..12.0)) * sd;
            normal(r, n, -offset, sd)
        }),
        ("spikes of 1e12", |r, n| {
            let mut values = normal(r, n, 100.0, 1.0);
            for _ in 0..=n / 50 {
                *values.choose_mut(r).unwrap() = 1e12 * r.random_range(-1.0..1.0);
            }
            values
        }),
        ("prices in cents", |r, n| {
            (0..n).map(|_| (r.random_range(1_900_000..1_950_000) as f64) / 100.0).collect()
        }),
        ("small integers", |r, n| (0..n).map(|_| f64::from(r.random_range(-3..10))).collect()),
        ("constant", |r, n| vec![any_finite(r); n]),
        ("last digit differs", |r, n| {
            let x = any_finite(r);
            (0..n).map(|_| if r.random() { x } else { x.next_up() }).collect()
        }),
        ("tiny", |r, n| {
            let e = r.random_range(-323..-100);
            normal(r, n, 3.0, 1.0).iter().map(|x| x * 10f64.powi(e / 2) * 10f64.powi(e - e / 2)).collect()
        }),
        ("huge", |r, n| {
            let e = r.random_range(100..307);
            normal(r, n, 3.0, 1.0).iter().map(|x| x * 10f64.powi(e)).collect()
        }),
        ("tiny, plain and huge", |r, n| {
            (0..n).map(|_| r.random_range(-1.0..1.0) * 10f64.powi(r.random_range(-200..200))).collect()
        }),
        ("any bits", |r, n| (0..n).map(|_| any_finite(r)).collect()),
    ];
    let (name, generate) = kinds.choose(rng).unwrap();
    let values = generate(rng, n);
    (format!("{n} of {name}"), values)
}

type Generator = fn(&mut ChaCha8Rng, usize) -> Vec<f64>;

pub fn normal(rng: &mut impl Rng, n: usize, mean: f64, sd: f64) -> Vec<f64> {
    (0..n)
        .map(|_| {
            let z: f64 = StandardNormal.sample(rng);
            mean + sd * z
        })
        .collect()
}

/// Any finite double, by its bits.
pub fn any_finite(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let x = f64::from_bits(rng.random());
        if x.is_finite() {
            return x;
        }
    }
}

use rand::seq::IndexedMutRandom;

/// Merges random neighbours until one is left, as parallel workers and rollups do.
pub fn merged(rng: &mut ChaCha8Rng, values: &[f64]) -> Tally {
    let mut parts: Vec<Tally> = Vec::new();
    let mut rest = values;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rng.random_range(1..=rest.len().min(1 + values.len() / 3)));
        parts.push(part.iter().copied().collect());
        rest = after;
    }
    parts.push(Tally::EMPTY);
    while parts.len() > 1 {
        let part = parts.swap_remove(rng.random_range(0..parts.len()));
        let into = rng.random_range(0..parts.len());
        parts[into].merge(&part);
    }
    parts[0]
}

/// Returns all that the accessors report, to the bit.
pub fn bits(t: &Tally) -> [Option<u64>; 10] {
    [
        t.sum(),
        t.avg(),
        t.m2(),
        t.var_samp(),
        t.var_pop(),
        t.stddev_samp(),
        t.stddev_pop(),
        t.min(),
        t.max(),
        Some(t.num_vals() as f64),
    ]
    .map(|x| x.map(|x| if x.is_nan() { f64::NAN } else { x }.to_bits()))
}

/// Number of doubles that two reports are apart at most.
pub fn steps_apart(a: &Tally, b: &Tally) -> u64 {
    let ordered =
        |x: u64| if x >> 63 == 1 { (1 << 63) - (x & !(1 << 63)) as i128 } else { (1 << 63) + x as i128 };
    bits(a)
        .iter()
        .zip(bits(b))
        .map(|(a, b)| match (*a, b) {
            (Some(a), Some(b)) => (ordered(a) - ordered(b)).unsigned_abs() as u64,
            (None, None) => 0,
            _ => u64::MAX,
        })
        .max()
        .unwrap()
}
