//! Seasons of many rows, of whose length the detector is not told.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::TAU;
use std::ops::RangeInclusive;
use tally_stats::detector::{Detector, Options, Settings};

const SETTINGS: Settings = Settings::DEFAULT;
const QUARTER: i64 = 900_000_000;

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn fed(timed: bool, values: impl IntoIterator<Item = f64>) -> Detector {
    let mut detector = Detector::new(timed, Options::new(timed));
    for (i, x) in values.into_iter().enumerate() {
        detector.observe(Some(x), timed.then_some(i as i64 * QUARTER), &SETTINGS).unwrap();
    }
    detector
}

/// A curve with this period, whose least and greatest values are 10 and more apart.
fn curve(i: usize, period: usize) -> f64 {
    let phase = TAU * i as f64 / period as f64;
    5.0 * phase.sin() + 2.0 * (2.0 * phase + 1.0).sin()
}

#[test]
fn a_step_under_a_long_season_is_found_and_the_season_is_no_change() {
    let rng = &mut ChaCha8Rng::seed_from_u64(41);
    for period in [67, 96, 168, 288] {
        for timed in [false, true] {
            let (mut found, mut wrong) = (0, 0);
            for _ in 0..8 {
                let rows: Vec<f64> = (0..12 * period).map(|i| curve(i, period) + normal(rng)).collect();
                wrong += fed(timed, rows.iter().copied()).starts(&SETTINGS).len();
                let step = 9 * period + 10;
                let stepped = rows.iter().enumerate().map(|(i, x)| x + if i < step { 0.0 } else { 4.0 });
                let starts = fed(timed, stepped).starts(&SETTINGS);
                found += usize::from(starts.iter().any(|row| row.abs_diff(step as u64) <= 10));
            }
            assert!(found >= 7 && wrong <= 3, "{period}, {timed}: {found} of 8 found, {wrong} wrong");
        }
    }
}

#[test]
fn a_change_from_before_the_season_was_known_stays_and_those_that_it_explains_do_not() {
    let rng = &mut ChaCha8Rng::seed_from_u64(45);
    let step = 130;
    let (mut found, mut wrong) = (0, 0);
    for _ in 0..8 {
        let level = |i: usize| if i < step { 0.0 } else { 25.0 };
        let starts = fed(false, (0..1500).map(|i| level(i) + curve(i, 96) + normal(rng))).starts(&SETTINGS);
        found += starts.iter().filter(|row| row.abs_diff(step as u64) <= 10).count();
        wrong += starts.iter().filter(|row| row.abs_diff(step as u64) > 10).count();
    }
    assert!(found >= 7 && wrong <= 2, "{found} of 8 found, {wrong} wrong");
}

#[test]
fn levels_that_come_in_turn_are_a_season_only_if_they_come_in_time() {
    let rng = &mut ChaCha8Rng::seed_from_u64(46);
    let mut alternating = |stays: RangeInclusive<usize>| {
        let (mut high, mut left, mut turns) = (false, 0, vec![]);
        let detector = fed(
            false,
            (0..3000).map(|i| {
                if left == 0 {
                    (high, left) = (!high, rng.random_range(stays.clone()));
                    turns.push(i as u64);
                }
                left -= 1;
                f64::from(u8::from(high)) * 10.0 + normal(rng)
            }),
        );
        let starts = detector.starts(&SETTINGS);
        let right = starts.iter().filter(|row| turns.iter().any(|turn| turn.abs_diff(**row) <= 5)).count();
        (starts.len(), right)
    };
    for _ in 0..4 {
        assert!(alternating(100..=100).0 <= 1);
        for stays in [30..=60, 70..=130, 20..=100] {
            let (all, right) = alternating(stays.clone());
            assert!(right >= 8 && all <= right + 1, "{stays:?}: {right} of {all}");
        }
    }
}

#[test]
fn a_season_found_in_a_few_rows_leaves_only_its_noise() {
    let rng = &mut ChaCha8Rng::seed_from_u64(47);
    let mut noise = || {
        let season: [f64; 7] = std::array::from_fn(|_| 2.0 * normal(rng));
        fed(false, (0..48).map(|i| season[i % 7] + normal(rng))).state(&SETTINGS).unwrap().2
    };
    let mut noises: Vec<f64> = (0..100).map(|_| noise()).collect();
    noises.sort_by(f64::total_cmp);
    assert!((0.8..1.25).contains(&noises[50]), "{}", noises[50]);
}

#[test]
fn a_long_season_is_forecast() {
    let rng = &mut ChaCha8Rng::seed_from_u64(42);
    let detector = fed(false, (0..1200).map(|i| curve(i, 100) + 0.3 * normal(rng)));
    let off = |i: usize| (detector.forecast(i as f64, &SETTINGS).unwrap().mean - curve(1199 + i, 100)).abs();
    let mean = (1..=100).map(off).sum::<f64>() / 100.0;
    // The level alone would be off by 3.3.
    assert!(mean < 0.8, "{mean:.2}");
}

#[test]
fn a_season_that_ends_is_forgotten() {
    let rng = &mut ChaCha8Rng::seed_from_u64(43);
    let ended = fed(false, (0..4000).map(|i| if i < 1500 { curve(i, 96) } else { 0.0 } + normal(rng)));
    let starts = ended.starts(&SETTINGS);
    assert!(starts.iter().all(|row| *row < 2200), "{starts:?}");
    let (level, _, noise) = ended.state(&SETTINGS).unwrap();
    assert!(level.abs() < 0.3 && noise < 1.3, "{level} {noise}");
}

#[test]
fn the_state_with_a_long_season_is_the_same_however_it_was_split() {
    let rng = &mut ChaCha8Rng::seed_from_u64(44);
    for period in [60, 96] {
        let rows: Vec<f64> = (0..8 * period).map(|i| 1e5 + curve(i, period) + normal(rng)).collect();
        let whole = fed(true, rows.iter().copied());
        let mut split = Detector::new(true, Options::new(true));
        for (i, x) in rows.into_iter().enumerate() {
            split.observe(Some(x), Some(i as i64 * QUARTER), &SETTINGS).unwrap();
            split = Detector::from_bytes(&split.to_bytes()).unwrap();
        }
        assert_eq!(split.to_bytes(), whole.to_bytes());
    }
}

#[test]
fn a_smooth_day_with_noise_of_its_hours_is_no_change() {
    let rng = &mut ChaCha8Rng::seed_from_u64(47);
    let changed = (0..60).filter(|_| {
        let hours = (0..800).map(|i| {
            let hour = TAU * f64::from(i) / 24.0;
            3.0 * hour.sin() + normal(rng) * (0.3 + 1.7 * (-(f64::from(i % 24 - 14) / 4.0).powi(2)).exp())
        });
        let mut detector = Detector::new(true, Options::new(true));
        for (i, x) in hours.enumerate() {
            detector.observe(Some(x), Some(i as i64 * 4 * QUARTER), &SETTINGS).unwrap();
        }
        !detector.starts(&SETTINGS).is_empty()
    });
    let changed = changed.count();
    assert!(changed <= 15, "{changed} of 60 changed");
}
