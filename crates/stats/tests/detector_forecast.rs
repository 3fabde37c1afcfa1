//! Forecasts of series that forget slowly: they begin at the last row, end at the level, and cover what comes.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tally_stats::detector::{Detector, Options, Settings};

const SERIES: u64 = 40;
const ROWS: usize = 400;
const FIRST: usize = 100;

/// Mean errors of the forecast, of the last row and of the mean of the series, and the share of rows in the interval.
fn errors(correlation: f64, ahead: usize) -> (f64, f64, f64, f64) {
    let settings = Settings::DEFAULT;
    let (mut forecast, mut last, mut mean, mut covered, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for seed in 0..SERIES {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let mut x = normal();
        let innovation = (1.0 - correlation * correlation).sqrt();
        let values: Vec<f64> = (0..ROWS)
            .map(|_| {
                x = correlation * x + innovation * normal();
                x
            })
            .collect();
        let mut detector = Detector::new(false, Options::new(false));
        for (row, x) in values[..ROWS - ahead].iter().enumerate() {
            detector.observe(Some(*x), None, &settings).unwrap();
            if row < FIRST {
                continue;
            }
            let (expected, actual) =
                (detector.forecast(ahead as f64, &settings).unwrap(), values[row + ahead]);
            forecast += (expected.mean - actual).abs();
            last += (x - actual).abs();
            mean += actual.abs();
            covered += f64::from((expected.low..=expected.high).contains(&actual));
            count += 1.0;
        }
    }
    (forecast / count, last / count, mean / count, covered / count)
}

#[test]
fn a_forecast_is_about_as_good_as_the_better_of_last_row_and_mean() {
    for correlation in [0.0, 0.5, 0.9] {
        for ahead in [1, 10] {
            let (forecast, last, mean, covered) = errors(correlation, ahead);
            let found = format!(
                "{correlation}, {ahead} ahead: {forecast:.3} {last:.3} {mean:.3}, covers {covered:.3}"
            );
            println!("{found}");
            assert!(forecast <= 1.1 * last.min(mean), "{found}");
            assert!((0.92..=0.985).contains(&covered), "{found}");
        }
    }
}
