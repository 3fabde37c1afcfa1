//! Random numbers and the parts of which series are made.
//!
//! Every series has a generator of its own, seeded by the seed of the run, its family and its number: families may be
//! added or changed without altering others, and a smaller run is a part of a larger one.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma, Poisson, StandardNormal, StudentT};
use std::f64::consts::{SQRT_2, TAU};

/// Rows that autoregressive noise runs before its first value.
const RUN_IN: usize = 100;

pub struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: u64, family: &str, number: usize) -> Draw {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(number as u64).to_le_bytes());
        for (to, byte) in key[16..].iter_mut().zip(family.bytes()) {
            *to = byte;
        }
        Draw(ChaCha8Rng::from_seed(key))
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0.random_range(low..high)
    }

    /// A number whose logarithm is uniform.
    pub fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// A whole number from `low` to `high - 1`.
    pub fn whole(&mut self, low: usize, high: usize) -> usize {
        self.0.random_range(low..high.max(low + 1))
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.0.random::<f64>() < p
    }

    pub fn sign(&mut self) -> f64 {
        if self.chance(0.5) {
            1.0
        } else {
            -1.0
        }
    }

    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.whole(0, list.len())]
    }

    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    pub fn gamma(&mut self, shape: f64) -> f64 {
        Gamma::new(shape, 1.0).expect("a shape").sample(&mut self.0)
    }

    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 0.0 {
            Poisson::new(mean).expect("a mean").sample(&mut self.0)
        } else {
            0.0
        }
    }

    /// Independent noise of variance 1.
    pub fn white(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.normal()).collect()
    }

    /// Student's t of variance 1; `df` is more than 2.
    pub fn student(&mut self, df: f64, n: usize) -> Vec<f64> {
        let t = StudentT::new(df).expect("degrees of freedom");
        let sd = (df / (df - 2.0)).sqrt();
        (0..n).map(|_| t.sample(&mut self.0) / sd).collect()
    }

    pub fn exponential(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| Exp1.sample(&mut self.0)).collect()
    }

    /// Laplace noise of variance 1.
    pub fn laplace(&mut self, n: usize) -> Vec<f64> {
        self.exponential(n).into_iter().map(|x| x * self.sign() / SQRT_2).collect()
    }

    /// Log-normal noise of variance 1 whose logarithm has variance 1.
    pub fn log_normal(&mut self, n: usize) -> Vec<f64> {
        let e = 1f64.exp();
        let sd = (e * (e - 1.0)).sqrt();
        (0..n).map(|_| self.normal().exp() / sd).collect()
    }

    /// Autoregressive noise of first order, variance 1.
    pub fn correlated(&mut self, rho: f64, n: usize) -> Vec<f64> {
        let noise = self.white(n + RUN_IN);
        let mut x = noise[0];
        let all = noise.into_iter().map(|e| {
            x = rho * x + (1.0 - rho * rho).sqrt() * e;
            x
        });
        all.skip(RUN_IN).collect()
    }

    /// Autoregressive noise of second order, which goes up and down in about 16 rows.
    pub fn humped(&mut self, n: usize) -> Vec<f64> {
        let noise = self.white(n + RUN_IN);
        let mut last = [0.0; 2];
        let all = noise.into_iter().map(|e| {
            last = [1.3 * last[0] - 0.5 * last[1] + e, last[0]];
            last[0]
        });
        all.skip(RUN_IN).collect()
    }

    /// Noise of one of the kinds that measurements have, variance 1.
    pub fn any_noise(&mut self, n: usize) -> Vec<f64> {
        match self.whole(0, 4) {
            0 => self.white(n),
            1 => {
                let rho = self.between(0.1, 0.7);
                self.correlated(rho, n)
            }
            2 => {
                let df = self.between(3.0, 12.0);
                self.student(df, n)
            }
            _ => self.laplace(n),
        }
    }

    /// A periodic curve of variance 1.
    pub fn season(&mut self, period: f64, n: usize) -> Vec<f64> {
        let waves: Vec<(f64, f64, f64)> =
            (1..4).map(|k| (f64::from(k), self.normal() / f64::from(k), self.between(0.0, TAU))).collect();
        let power: f64 = waves.iter().map(|w| w.1 * w.1 / 2.0).sum();
        let at = |i: usize| -> f64 {
            waves.iter().map(|(k, size, phase)| size * (k * TAU * i as f64 / period + phase).sin()).sum()
        };
        (0..n).map(|i| at(i) / power.sqrt()).collect()
    }

    /// Puts a series anywhere: any unit, any origin.
    pub fn place(&mut self, x: &mut [f64]) {
        let unit = self.magnitude(1e-4, 1e7);
        let origin = if self.chance(0.7) { self.normal() * 10f64.powi(self.whole(0, 5) as i32) } else { 0.0 };
        for x in x {
            *x = *x * unit + origin;
        }
    }
}

pub fn add(x: &mut [f64], other: &[f64], factor: f64) {
    for (x, other) in x.iter_mut().zip(other) {
        *x += other * factor;
    }
}

pub fn summed(x: Vec<f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let sums = x.into_iter().map(|x| {
        sum += x;
        sum
    });
    sums.collect()
}

pub fn deviation(x: &[f64]) -> f64 {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt()
}
