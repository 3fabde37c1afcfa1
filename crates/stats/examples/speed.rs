//! Time per row of the detector over series of different kinds, and a digest of the last state.
//!
//! `cargo run --release -p tally-stats --example speed [ROWS [KIND]]`. Each slice of a series is timed several times and
//! its least time counts, so that other programs on the machine disturb little.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson, StandardNormal};
use std::hash::{DefaultHasher, Hasher};
use std::time::Instant;
use tally_stats::detector::{Detector, Options, Settings};

const ROUNDS: usize = 9;
const SLICE: usize = 500;
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// A kind of series: its name, the time between rows (0: none), and the next value by the number of the row, the value
/// before and normal noise.
type Kind = (&'static str, i64, fn(usize, f64, f64) -> f64);

const KINDS: [Kind; 7] = [
    ("white noise", 0, |_, _, e| e),
    ("white noise, timed", MINUTE, |_, _, e| e),
    ("steps", MINUTE, |i, _, e| (i / 200 % 7) as f64 * 5.0 + e),
    ("autocorrelated", MINUTE, |_, last, e| 0.7 * last + e),
    ("season of a day", HOUR, |i, _, e| 3.0 * (i as f64 / 24.0 * std::f64::consts::TAU).sin() + e),
    ("trend", MINUTE, |i, _, e| i as f64 * 0.01 + e),
    ("counts", MINUTE, |_, _, e| {
        // The noise is the source of the randomness here too.
        let rng = &mut ChaCha8Rng::seed_from_u64(e.to_bits());
        Poisson::new(1.5).map_or(0.0, |counts| counts.sample(rng))
    }),
];

fn series(value: fn(usize, f64, f64) -> f64, rows: usize) -> Vec<f64> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let mut last = 0.0;
    let mut next = |i| {
        last = value(i, last, rng.sample(StandardNormal));
        last
    };
    (0..rows).map(&mut next).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rows = arguments.first().map_or(20_000, |rows| rows.parse().expect("a number of rows"));
    let settings = Settings::DEFAULT;
    for (name, step, value) in KINDS {
        if arguments.get(1).is_some_and(|kind| kind != name) {
            continue;
        }
        let values = series(value, rows);
        let timed = step > 0;
        let mut least = vec![f64::INFINITY; values.chunks(SLICE).len()];
        let mut hasher = DefaultHasher::new();
        for round in 0..ROUNDS {
            let mut detector = Detector::new(timed, Options::new(timed));
            let mut at = 0;
            for (slice, least) in values.chunks(SLICE).zip(&mut least) {
                let start = Instant::now();
                for x in slice {
                    detector.observe(Some(*x), timed.then_some(at), &settings).expect("rows in order");
                    at += step;
                }
                *least = least.min(start.elapsed().as_secs_f64());
            }
            if round == 0 {
                hasher.write(&detector.to_bytes());
            }
        }
        let nanoseconds = least.iter().sum::<f64>() * 1e9 / rows as f64;
        println!("{name:20} {nanoseconds:7.0} ns a row  {:016x}", hasher.finish());
    }
}
