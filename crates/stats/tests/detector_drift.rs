//! Levels that wander or go one way have no changes until their way changes: walks, curves, trends and counters.

mod detectors;

use detectors::{fed, normal, rng, SETTINGS};
use rand_chacha::ChaCha8Rng;
use tally_stats::detector::{Detector, Kind, Options};

#[test]
fn a_level_that_wanders_is_no_change_and_its_jump_is() {
    let mut rng = rng(8);
    let (mut wrong, mut found) = (0, 0);
    for i in 0..40 {
        let (mut level, turn) = (0.0, f64::from(i) / 6.0);
        let rows: Vec<f64> = (0..400)
            .map(|row| {
                level += normal(&mut rng);
                let wave = 30.0 * (turn + f64::from(row) / 60.0).sin();
                if i % 2 == 0 {
                    level
                } else {
                    wave + normal(&mut rng)
                }
            })
            .collect();
        let still = fed(rows.iter().copied()).starts(&SETTINGS);
        wrong += still.len();
        let jump = fed(rows.iter().enumerate().map(|(row, x)| x + if row < 250 { 0.0 } else { 15.0 }));
        found += usize::from(jump.starts(&SETTINGS).iter().any(|row| row.abs_diff(250) <= 5));
    }
    // With segments that keep their level or slope, there would be 150.
    assert!(wrong <= 60 && found >= 36, "{wrong} wrong, {found} of 40 found");
}

/// A counter of what comes at these rates, each for a number of rows.
fn counter(rng: &mut ChaCha8Rng, rates: &[(usize, f64)]) -> Vec<f64> {
    let rates = rates.iter().flat_map(|(rows, rate)| std::iter::repeat_n(*rate, *rows));
    let mut total = 0.0;
    let mut count = |rate: f64| {
        total += rate + rate.sqrt() * normal(rng);
        total
    };
    rates.map(|rate| count(rate).round()).collect()
}

#[test]
fn a_counter_whose_rate_changes_has_another_slope() {
    let mut rng = rng(23);
    for rows in [100, 1000, 20_000] {
        for (before, after) in [(100.0, 170.0), (100.0, 0.0), (400.0, 250.0)] {
            let changes = fed(counter(&mut rng, &[(rows, before), (60, after)])).changes(&SETTINGS);
            let [change] = &changes[..] else { panic!("{rows} rows, {before} to {after}: {changes:?}") };
            let found = change.kind == Kind::Slope && change.row.abs_diff(rows as u64) <= 1;
            let near = |rate: f64, slope: f64| (rate - slope).abs() <= 0.05 * before;
            assert!(found && near(before, change.before) && near(after, change.after), "{change:?}");
        }
    }
}

#[test]
fn a_counter_is_forecast_to_go_on() {
    let mut rng = rng(27);
    for rows in [100, 500, 3000] {
        let counts = counter(&mut rng, &[(rows, 100.0)]);
        let last = counts[rows - 1];
        let grown = fed(counts).forecast(24.0, &SETTINGS).unwrap().mean - last;
        assert!((2200.0..2500.0).contains(&grown), "{rows} rows: {grown}");
    }
}

#[test]
fn a_counter_of_one_rate_has_no_changes() {
    let mut rng = rng(24);
    for rows in [60, 500, 3000, 20_000] {
        for rate in [1.0, 30.0, 1000.0] {
            let starts = fed(counter(&mut rng, &[(rows, rate)])).starts(&SETTINGS);
            assert!(starts.is_empty(), "{rows} rows of {rate}: {starts:?}");
        }
    }
}

#[test]
fn a_smooth_curve_that_bends_has_no_changes() {
    let mut rng = rng(25);
    let mut wrong = 0;
    for i in 0..40 {
        let (size, turn) = (10f64.powf(2.0 + f64::from(i) / 20.0), f64::from(i) / 6.0);
        let wave = |row: i32| size * (turn + f64::from(row) / 60.0).sin();
        wrong += fed((0..400).map(|row| wave(row) + normal(&mut rng))).starts(&SETTINGS).len();
    }
    // Without a drift there would be 88, with one that does not bend 91.
    assert!(wrong <= 5, "{wrong}");
}

#[test]
fn noise_that_swings_does_not_hide_a_step() {
    // Neighbouring differences are as much alike as those of a slow level, which this one is not.
    let swing = |row: u32| 3.0 * (f64::from(row) * 1.15).sin();
    let detector = fed((0..240).map(|row| swing(row) + if row < 150 { 0.0 } else { 20.0 }));
    let starts = detector.starts(&SETTINGS);
    let [row] = starts[..] else { panic!("{starts:?}") };
    let evidence = detector.evidence_at(row, 1, &SETTINGS);
    assert!(
        row.abs_diff(150) <= 1 && evidence.is_some_and(|evidence| evidence > 10.0),
        "{row}: {evidence:?}"
    );
}

#[test]
fn on_a_trend_no_row_stands_out_in_all_series() {
    const HOUR: i64 = 3_600_000_000;
    let mut rng = rng(26);
    for (slope, rows, step) in [(0.2, 400, HOUR), (5.0, 400, HOUR), (100.0, 900, HOUR / 12)] {
        let mut told = vec![0; rows];
        for _ in 0..20 {
            let mut detector = Detector::new(true, Options::new(true));
            let mut x = 0.0;
            for (row, told) in told.iter_mut().enumerate() {
                x += slope + normal(&mut rng);
                detector.observe(Some(x), Some(row as i64 * step), &SETTINGS).unwrap();
                *told += usize::from(detector.surprise().is_some_and(|surprise| surprise >= 3.0));
            }
        }
        // With a season of the level's lag there would be 20 at the beginning of the third day.
        let most = told.iter().enumerate().max_by_key(|(_, told)| **told);
        assert!(most.is_some_and(|(_, told)| *told <= 3), "{slope} a row: {most:?}");
    }
}
