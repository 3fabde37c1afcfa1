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

const HOUR: i64 = 3_600_000_000;

#[test]
fn a_forecast_follows_the_season() {
    let settings = Settings::DEFAULT;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    // Office hours: three noise levels, by the hour of the day.
    let expected = |row: i64| match row % 24 {
        8..=17 => 50.0,
        6..=21 => 20.0,
        _ => 5.0,
    };
    let mut values = Vec::new();
    for row in 0..24 * 60 {
        let noise: f64 = StandardNormal.sample(&mut rng);
        values.push(expected(row) + noise);
    }
    let mut detector = Detector::new(true, Options::new(true));
    let (mut errors, mut last, mut day_before, mut covered, mut count) = ([0.0; 2], 0.0, 0.0, [0.0; 2], 0.0);
    for (row, x) in values[..values.len() - 12].iter().enumerate() {
        detector.observe(Some(*x), Some(row as i64 * HOUR), &settings).unwrap();
        if row < 24 * 10 {
            continue;
        }
        for (i, ahead) in [1, 12].into_iter().enumerate() {
            let (forecast, actual) =
                (detector.forecast(ahead as f64, &settings).unwrap(), values[row + ahead]);
            errors[i] += (forecast.mean - actual).abs();
            covered[i] += f64::from((forecast.low..=forecast.high).contains(&actual));
        }
        last += (values[row + 1] - x).abs();
        day_before += (values[row + 1] - values[row - 23]).abs();
        count += 1.0;
    }
    let found = format!(
        "{:.2} and {:.2}, last {:.2}, day before {:.2}; covers {:.3} and {:.3}",
        errors[0] / count,
        errors[1] / count,
        last / count,
        day_before / count,
        covered[0] / count,
        covered[1] / count
    );
    println!("{found}");
    assert!(errors[0] <= last.min(day_before), "{found}");
    assert!(errors[1] <= 1.2 * day_before, "{found}");
    assert!(covered[0] / count > 0.92 && covered[1] / count > 0.9, "{found}");
}

/// Mean errors of a forecast this many rows ahead and of the row before it, and the share of rows in its interval, over
/// series of rows a sixth of an hour apart, or without times, after the first 600.
fn far(make: impl Fn(&mut ChaCha8Rng) -> Vec<f64>, timed: bool, ahead: usize) -> (f64, f64, f64) {
    let settings = Settings::DEFAULT;
    let (mut error, mut last, mut covered, mut count) = (0.0, 0.0, 0.0, 0.0);
    for seed in 0..12 {
        let values = make(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut detector = Detector::new(timed, Options::new(timed));
        for (row, x) in values[..values.len() - ahead].iter().enumerate() {
            let at = timed.then_some(row as i64 * HOUR / 6);
            detector.observe(Some(*x), at, &settings).unwrap();
            if row < 600 {
                continue;
            }
            let (expected, actual) =
                (detector.forecast(ahead as f64, &settings).unwrap(), values[row + ahead]);
            error += (expected.mean - actual).abs();
            last += (x - actual).abs();
            covered += f64::from((expected.low..=expected.high).contains(&actual));
            count += 1.0;
        }
    }
    (error / count, last / count, covered / count)
}

#[test]
fn far_rows_of_a_smooth_day_are_forecast_by_the_season() {
    let day = |rng: &mut ChaCha8Rng| {
        let row = |row: usize| {
            let noise: f64 = StandardNormal.sample(rng);
            8.0 * (row as f64 * std::f64::consts::TAU / 144.0).sin() + noise
        };
        (0..2400).map(row).collect()
    };
    for ahead in [12, 36, 72, 144] {
        let (error, last, covered) = far(day, true, ahead);
        let found = format!("{ahead} ahead: {error:.2}, last {last:.2}, covers {covered:.3}");
        println!("{found}");
        // The mean error of the noise is 0.8, that of the same time a day before 1.13.
        assert!(error <= 1.0 && error <= last, "{found}");
        assert!((0.92..=0.985).contains(&covered), "{found}");
    }
}

#[test]
fn hours_of_work_are_forecast_to_the_row() {
    let shifts = |rng: &mut ChaCha8Rng| {
        let row = |row: usize| {
            let noise: f64 = StandardNormal.sample(rng);
            noise + if (8..17).contains(&(row / 6 % 24)) { 30.0 } else { 0.0 }
        };
        (0..2400).map(row).collect()
    };
    for ahead in [1, 12] {
        let (error, last, covered) = far(shifts, true, ahead);
        let found = format!("{ahead} ahead: {error:.2}, last {last:.2}, covers {covered:.3}");
        println!("{found}");
        // The same time a day before has a mean error of 1.13.
        assert!(error <= 1.2, "{found}");
        assert!((0.92..=0.985).contains(&covered), "{found}");
    }
}

/// A machine that runs the same programme each day, in rows five minutes apart.
fn programme(row: usize) -> f64 {
    let minute = row * 5 % 1440;
    let points = [(130, 400, 20.0), (410, 415, 35.0), (905, 1000, -10.0)];
    points.iter().map(|(from, to, size)| if (from..to).contains(&&minute) { *size } else { 0.0 }).sum()
}

#[test]
fn days_that_repeat_are_forecast_to_the_digit() {
    let settings = Settings::DEFAULT;
    let mut detector = Detector::new(true, Options::new(true));
    // Many rows without an error are no reason to begin again when the state is read.
    for row in 0..288 * 300 {
        let at = row as i64 * HOUR / 12;
        detector.observe(Some(50.0 + programme(row)), Some(at), &settings).unwrap();
        if !(2 * 288..30 * 288).contains(&row) {
            continue;
        }
        for ahead in [1, 12, 100, 288] {
            let forecast = detector.forecast(ahead as f64, &settings).unwrap();
            assert_eq!(forecast.mean, 50.0 + programme(row + ahead), "row {row}, {ahead} ahead");
        }
    }
    assert_eq!(Detector::from_bytes(&detector.to_bytes()).unwrap(), detector);
}

#[test]
fn jobs_at_the_same_minute_of_each_day_are_forecast() {
    let (settings, days) = (Settings::DEFAULT, 20);
    for ahead in [1, 72, 288] {
        let (mut error, mut last, mut day_before, mut covered, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for seed in 0..6 {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let mut normal = || -> f64 { StandardNormal.sample(rng) };
            let values: Vec<f64> = (0..288 * days).map(|row| programme(row) + normal()).collect();
            let mut detector = Detector::new(true, Options::new(true));
            for (row, x) in values[..values.len() - ahead].iter().enumerate() {
                detector.observe(Some(*x), Some(row as i64 * HOUR / 12), &settings).unwrap();
                if row < 288 * 5 {
                    continue;
                }
                let (expected, actual) =
                    (detector.forecast(ahead as f64, &settings).unwrap(), values[row + ahead]);
                error += (expected.mean - actual).abs();
                last += (x - actual).abs();
                day_before += (values[row + ahead - 288] - actual).abs();
                covered += f64::from((expected.low..=expected.high).contains(&actual));
                count += 1.0;
            }
        }
        let [error, last, day_before, covered] = [error, last, day_before, covered].map(|sum| sum / count);
        let found = format!(
            "{ahead} ahead: {error:.2}, last {last:.2}, day before {day_before:.2}, covers {covered:.3}"
        );
        println!("{found}");
        assert!(error <= last.min(day_before), "{found}");
        assert!((0.93..=0.985).contains(&covered), "{found}");
    }
}

#[test]
fn far_rows_of_a_walk_are_forecast_by_the_last_row() {
    let walk = |rng: &mut ChaCha8Rng| {
        let mut level = 0.0;
        let row = |_| {
            let step: f64 = StandardNormal.sample(rng);
            level += step;
            level
        };
        (0..2000).map(row).collect()
    };
    for ahead in [8, 30, 100] {
        let (error, last, covered) = far(walk, false, ahead);
        let found = format!("{ahead} ahead: {error:.2}, last {last:.2}, covers {covered:.3}");
        println!("{found}");
        assert!(error <= 1.05 * last, "{found}");
        assert!(covered >= 0.9, "{found}");
    }
}

#[test]
fn a_season_beside_a_level_that_wanders_is_forecast() {
    let months = |rng: &mut ChaCha8Rng| {
        let season = [2.0, 3.0, 0.0, 1.0, -2.0, -3.0, -1.0, -4.0, -1.0, 0.0, 4.0, 1.0];
        let mut level = 0.0;
        let row = |row: usize| {
            let step: f64 = StandardNormal.sample(rng);
            level += 0.5 * step;
            level + season[row % 12]
        };
        (0..1200).map(row).collect::<Vec<f64>>()
    };
    let (error, last, covered) = far(months, false, 1);
    let found = format!("{error:.2}, last {last:.2}, covers {covered:.3}");
    println!("{found}");
    // The row a period before has a mean error of 1.4, that a step of the level 0.4.
    assert!(error <= 0.6, "{found}");
    assert!((0.93..=0.98).contains(&covered), "{found}");
}

#[test]
fn forecasts_stay_within_the_kind_of_values() {
    let settings = Settings::DEFAULT;
    for (most, highest) in [(2, 1.0), (4, f64::MAX)] {
        let mut detector = Detector::new(false, Options::new(false));
        for row in 0..200u64 {
            let x = (row * 7919 % 101 % most) as f64;
            detector.observe(Some(x), None, &settings).unwrap();
            for ahead in [1.0, 50.0] {
                let forecast = detector.forecast(ahead, &settings).unwrap();
                assert!(0.0 <= forecast.low && forecast.low <= forecast.mean, "{forecast:?}");
                assert!(forecast.mean <= forecast.high && forecast.high <= highest, "{forecast:?}");
            }
        }
    }
}
