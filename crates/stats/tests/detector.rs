//! The detector finds what is there, is the same however it was fed, and bears any input.

mod detectors;

use approx::assert_abs_diff_eq;
use detectors::{fed, normal, rng, SETTINGS};
use rand::seq::IndexedRandom;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tally_stats::detector::{Change, Detector, Kind, Options, Refused, MOST_BYTES};

const SECOND: i64 = 1_000_000;

fn plain() -> Detector {
    Detector::new(false, Options::new(false))
}

fn reread(detector: &Detector) -> Detector {
    let bytes = detector.to_bytes();
    assert!(bytes.len() <= MOST_BYTES, "{} bytes", bytes.len());
    let reread = Detector::from_bytes(&bytes).unwrap();
    assert_eq!(reread.to_bytes(), bytes);
    reread
}

/// Values that series have, and some that they should not.
fn series(rng: &mut ChaCha8Rng, rows: usize) -> Vec<Option<f64>> {
    let (mut level, mut size) = (normal(rng) * 10.0, 10f64.powi(rng.random_range(-12..12)));
    let strange = rng.random_range(0..3) == 0;
    (0..rows)
        .map(|_| {
            match rng.random_range(0..100) {
                0 => level += normal(rng) * 10.0,
                1 if strange => size *= 10f64.powi(rng.random_range(-30..30)),
                2 => return None,
                3 if strange => {
                    return [f64::NAN, f64::INFINITY, f64::MIN, f64::MAX, 1e300, 5e-324, 0.0]
                        .choose(rng)
                        .copied()
                }
                _ => {}
            }
            Some((level + normal(rng)) * size)
        })
        .collect()
}

#[test]
fn a_step_is_found_alerted_and_measured() {
    let mut rng = rng(1);
    let detector = fed((0..400).map(|i| normal(&mut rng) + if i < 200 { 50.0 } else { 53.0 }));
    let changes = detector.changes(&SETTINGS);
    let steps: Vec<_> = changes.iter().filter(|c| c.kind == Kind::Level).collect();
    assert_eq!(steps.len(), 1, "{changes:?}");
    let step = steps[0];
    assert!(step.row.abs_diff(200) <= 3 && step.probability > 0.99, "{step:?}");
    assert!(step.alerted.is_some_and(|(row, _)| (204..230).contains(&row)), "{step:?}");
    assert_abs_diff_eq!(step.difference(), 3.0, epsilon = 0.4);
    assert!(step.interval.0 < 3.0 && step.interval.1 > 3.0, "{step:?}");
    assert_eq!((step.rows_before, step.rows_after), (Some(step.row), 400 - step.row));
    assert_eq!(detector.run_length(&SETTINGS), step.rows_after);
    let (level, slope, noise) = detector.state(&SETTINGS).unwrap();
    assert_abs_diff_eq!(level, 53.0, epsilon = 0.4);
    assert_eq!(slope, 0.0);
    assert_abs_diff_eq!(noise, 1.0, epsilon = 0.2);
    let forecast = detector.forecast(1.0, &SETTINGS).unwrap();
    assert!(
        forecast.low < 51.5 && forecast.high > 54.5 && forecast.high - forecast.low < 5.0,
        "{forecast:?}"
    );
}

#[test]
fn slopes_are_in_units_of_time_and_noise_changes_are_distinguished() {
    let mut rng = rng(2);
    let mut detector = Detector::new(true, Options::new(true));
    for i in 0..400i64 {
        let x = normal(&mut rng) * 0.5 + if i < 200 { 10.0 } else { 10.0 + 0.05 * (i - 200) as f64 };
        detector.observe(Some(x), Some(i * 60 * SECOND), &SETTINGS).unwrap();
    }
    let changes = detector.changes(&SETTINGS);
    let slope = changes.iter().find(|c| c.kind == Kind::Slope).unwrap_or_else(|| panic!("{changes:?}"));
    assert!(slope.row.abs_diff(200) <= 15, "{slope:?}");
    assert_abs_diff_eq!(slope.after * 60.0, 0.05, epsilon = 0.01);

    let detector = fed((0..600).map(|i| normal(&mut rng) * if i < 300 { 1.0 } else { 4.0 }));
    let changes = detector.changes(&SETTINGS);
    let noise = changes.iter().find(|c| c.kind == Kind::Variance).unwrap_or_else(|| panic!("{changes:?}"));
    assert!(noise.row.abs_diff(300) <= 15 && noise.after / noise.before > 3.0, "{noise:?}");
}

#[test]
fn a_spike_is_a_spike_and_moves_no_level() {
    let mut rng = rng(3);
    let detector = fed((0..400).map(|i| normal(&mut rng) + if i == 300 { 40.0 } else { 0.0 }));
    let changes = detector.changes(&SETTINGS);
    assert!(changes.iter().any(|c| c.kind == Kind::Spike && c.row == 300), "{changes:?}");
    assert!(changes.iter().all(|c| c.kind != Kind::Level), "{changes:?}");
    assert!(detector.state(&SETTINGS).unwrap().0.abs() < 0.3);
}

#[test]
fn the_scale_of_values_changes_nothing() {
    let mut rng = rng(4);
    let values: Vec<f64> = (0..500).map(|i| normal(&mut rng) + if i < 250 { 0.0 } else { 4.0 }).collect();
    let starts = fed(values.iter().copied()).starts(&SETTINGS);
    assert_eq!(starts.len(), 1);
    for exponent in [-1000, -30, 7, 900] {
        let scaled = fed(values.iter().map(|x| x * 2f64.powi(exponent)));
        assert_eq!(scaled.starts(&SETTINGS), starts, "2^{exponent}");
    }
}

#[test]
fn the_state_is_the_same_however_it_was_split() {
    let mut rng = rng(5);
    for trial in 0..60 {
        let timed = trial % 2 == 0;
        let values = series(&mut rng, 600);
        let mut whole = Detector::new(timed, Options::new(timed));
        let mut split = whole.clone();
        let mut at = 0;
        for x in values {
            at += rng.random_range(0..90) * SECOND;
            let at = timed.then_some(at);
            whole.observe(x, at, &SETTINGS).unwrap();
            split.observe(x, at, &SETTINGS).unwrap();
            if rng.random_range(0..5) == 0 {
                split = reread(&split);
            }
            assert_eq!(whole.to_bytes(), split.to_bytes(), "trial {trial}");
            assert_eq!(whole.change_probability(&SETTINGS), split.change_probability(&SETTINGS));
        }
        assert_eq!(whole.changes(&SETTINGS), split.changes(&SETTINGS));
    }
}

#[test]
fn a_million_rows_fit_into_two_kilobytes() {
    let mut rng = rng(6);
    let mut detector = Detector::new(true, Options::new(true));
    let (mut x, mut at) = (0.0, 700_000_000 * SECOND);
    for i in 0..1_000_000 {
        x += normal(&mut rng) * 0.3;
        at += rng.random_range(1..SECOND);
        detector.observe(Some(x + normal(&mut rng)), Some(at), &SETTINGS).unwrap();
        if i % 1000 == 999 {
            reread(&detector);
        }
    }
}

#[test]
fn missing_values_advance_time_and_nothing_else() {
    let mut rng = rng(7);
    let values: Vec<f64> = (0..300).map(|_| normal(&mut rng)).collect();
    let mut detector = fed(values);
    let before = detector.state(&SETTINGS);
    for x in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
        detector.observe(x, None, &SETTINGS).unwrap();
        assert_eq!((detector.surprise(), detector.state(&SETTINGS)), (None, before));
    }
    assert_eq!(detector.rows(), 304);
}

#[test]
fn rates_of_rare_events_change_and_runs_of_zeros_are_no_change() {
    let mut rng = rng(11);
    for most in [1, 3] {
        let mut event =
            |rate: f64| (0..most).filter(|_| rng.random_bool(rate / f64::from(most))).count() as f64;
        let even: Vec<f64> = (0..1000).map(|_| event(0.1)).collect();
        let changed: Vec<f64> = (0..600).map(|i| event(if i < 300 { 0.1 } else { 0.6 })).collect();
        assert!(fed(even).starts(&SETTINGS).is_empty());
        let mut stored = plain();
        for x in &changed {
            stored.observe(Some(*x), None, &SETTINGS).unwrap();
            stored = reread(&stored);
        }
        assert_eq!(stored, fed(changed));
        let starts = stored.starts(&SETTINGS);
        assert!(starts.len() == 1 && starts[0].abs_diff(300) <= 15, "{starts:?}");
        let level = stored.state(&SETTINGS).unwrap().0;
        assert_abs_diff_eq!(level, 0.6, epsilon = 0.15);
    }
}

#[test]
fn events_are_events_in_any_unit() {
    let mut rng = rng(19);
    for rate in [0.2, 2.0] {
        let mut events = |rate: f64| (0..40).filter(|_| rng.random_bool(rate / 40.0)).count() as f64;
        let values: Vec<f64> = (0..400).map(|i| events(if i < 250 { rate } else { 5.0 * rate })).collect();
        let plain = fed(values.iter().copied()).starts(&SETTINGS);
        assert!(plain.len() == 1 && plain[0].abs_diff(250) < 10, "{plain:?}");
        for unit in [10.0, -1.0, 1.0 / 60.0, 0.1, 1e9] {
            let scaled = fed(values.iter().map(|x| x * unit));
            assert_eq!(scaled.starts(&SETTINGS), plain, "{unit}");
        }
    }
}

#[test]
fn hard_series_have_answers() {
    assert_eq!(plain().state(&SETTINGS), None);
    assert!(plain().changes(&SETTINGS).is_empty());
    assert_eq!(fed([5.0, 5.0]).state(&SETTINGS).map(|s| s.0), Some(5.0));
    let constant = fed([7.5; 1000]);
    assert!(constant.changes(&SETTINGS).is_empty());
    assert_eq!(constant.state(&SETTINGS).map(|s| (s.0, s.1)), Some((7.5, 0.0)));
    let step = fed((0..200).map(|i| if i < 100 { 0.5 } else { 1.0 }));
    assert_eq!(step.starts(&SETTINGS), [100]);
    let switch = fed((0..200).map(|i| if i < 100 { 0.0 } else { 1.0 })).starts(&SETTINGS);
    assert!(switch.len() == 1 && switch[0].abs_diff(100) <= 5, "{switch:?}");
    assert_eq!(fed([3.0; 1000]).state(&SETTINGS).map(|s| (s.0, s.1)), Some((3.0, 0.0)));
    let huge = fed((0..200).map(|i| if i == 100 { 1e300 } else { (i % 7) as f64 }));
    assert!(huge.state(&SETTINGS).unwrap().0.abs() < 10.0, "{:?}", huge.state(&SETTINGS));
    for extreme in [1e300, 1e-300, f64::MAX, 5e-324] {
        let values = (0..300).map(|i| extreme * ((i % 7) as f64 / 7.0));
        reread(&fed(values)).changes(&SETTINGS);
    }
}

#[test]
fn times_must_not_run_backwards() {
    let mut detector = Detector::new(true, Options::new(true));
    for at in [10, 10, 11] {
        detector.observe(Some(1.0), Some(at), &SETTINGS).unwrap();
    }
    assert_eq!(detector.observe(Some(1.0), Some(10), &SETTINGS), Err(Refused::Backwards));
    assert_eq!(detector.observe(Some(1.0), None, &SETTINGS), Err(Refused::Timeless));
    let mut same_time = Detector::new(true, Options::new(true));
    for i in 0..200 {
        same_time.observe(Some(f64::from(i % 5)), Some(0), &SETTINGS).unwrap();
    }
    assert!(reread(&same_time).state(&SETTINGS).is_some());
    let mut extremes = Detector::new(true, Options::new(true));
    for i in 0..50 {
        extremes.observe(Some(f64::from(i % 5)), Some(i64::MIN + i64::from(i)), &SETTINGS).unwrap();
    }
    extremes.observe(Some(1.0), Some(i64::MAX), &SETTINGS).unwrap();
    assert!(reread(&extremes).forecast(1.0, &SETTINGS).is_some());
}

#[test]
fn a_spike_of_any_size_is_a_spike() {
    for power in 1..=15 {
        let spike = 20.0 * 10f64.powi(power);
        let right = |seed: u64| {
            let mut rng = rng(seed);
            let detector = fed((0..400).map(|i| if i == 300 { spike } else { normal(&mut rng) }));
            let changes = detector.changes(&SETTINGS);
            changes.iter().any(|c| c.kind == Kind::Spike && c.row == 300 && c.after == spike)
                && changes.iter().all(|c| c.kind != Kind::Level)
                && detector.state(&SETTINGS).is_some_and(|(level, _, _)| level.abs() < 0.5)
        };
        let wrong = (0..20).filter(|&seed| !right(seed)).count();
        assert!(wrong <= 1, "{spike}: {wrong} of 20");
    }
}

#[test]
fn a_spike_among_jumps_is_told_in_its_row() {
    let (mut right, mut late) = (0, 0);
    for seed in 0..20 {
        let mut rng = rng(seed);
        let spike = 1000 + 7 * seed as i64;
        let level = |i: i64| if i / 150 % 2 == 1 { 15.0 } else { 0.0 };
        let values = (0..1250).map(|i| level(i) + normal(&mut rng) + if i == spike { 20.0 } else { 0.0 });
        let detector = fed(values);
        let told =
            detector.changes(&SETTINGS).into_iter().filter(|c| matches!(c.kind, Kind::Spike | Kind::Dip));
        for row in told.map(|c| c.row as i64) {
            right += i32::from(row == spike);
            late += i32::from(row == spike + 1);
        }
    }
    assert!(right >= 5 && late == 0, "{right} in their rows, {late} a row late");
}

#[test]
fn a_leap_from_rows_that_are_all_the_same_is_found() {
    for home in [0.0_f64, 3.5, -5e-9] {
        for leap in [1e-200, 1e-9, 1.0, 52_428_800.0, 5e9, 1e18, 1e300] {
            if leap < home.abs() * 1e-12 {
                continue;
            }
            let starts = fed((0..60).map(|i| if i < 30 { home } else { home + leap })).starts(&SETTINGS);
            assert!(starts.iter().any(|row| row.abs_diff(30) <= 2), "{home} + {leap}: {starts:?}");
        }
    }
}

/// A detector that has seen these values, one a minute.
fn by_the_minute(values: impl IntoIterator<Item = f64>) -> Detector {
    let mut detector = Detector::new(true, Options::new(true));
    for (i, x) in values.into_iter().enumerate() {
        detector.observe(Some(x), Some(i as i64 * 60_000_000), &SETTINGS).unwrap();
    }
    detector
}

#[test]
fn a_few_wrong_rows_at_the_beginning_are_no_change() {
    let mut rng = rng(31);
    for wrong in 1..8 {
        let detector = fed((0..200).map(|i| normal(&mut rng) + if i < wrong { 40.0 } else { 0.0 }));
        let told = (detector.starts(&SETTINGS).len(), detector.last_alert().is_some());
        assert_eq!(told, if wrong < 5 { (0, false) } else { (1, true) }, "{wrong}");
    }
}

#[test]
fn noise_from_nothing_is_one_change() {
    let mut rng = rng(19);
    for (before, size) in [(0.0, 1.0), (1e-9, 1e-3), (1e-6, 10.0)] {
        for start in [200, 1000] {
            let rows =
                (0..start + 100).map(|i| 42.0 + normal(&mut rng) * if i < start { before } else { size });
            let detector = fed(rows);
            let changes = detector.changes(&SETTINGS).into_iter().filter(|c| c.row + 5 > start);
            let lasting = changes.filter(|c| !matches!(c.kind, Kind::Spike | Kind::Dip));
            let found: Vec<(u64, Kind)> = lasting.map(|c| (c.row, c.kind)).collect();
            // Rows that stand out may come before it.
            assert!(
                matches!(found[..], [(row, Kind::Variance)] if row < start + 60),
                "{before} {size} {start}: {found:?}"
            );
        }
    }
}

#[test]
fn trends_and_steps_are_no_spikes_of_the_season_and_hide_none() {
    let spikes = |detector: &Detector| -> Vec<u64> {
        let changes = detector.changes(&SETTINGS).into_iter();
        changes.filter(|c| matches!(c.kind, Kind::Spike | Kind::Dip)).map(|c| c.row).collect()
    };
    let mut rng = rng(5);
    for spike in [1430, 1500, 1800, 3000] {
        let ramp = (0..spike + 100).map(|i| {
            let value = f64::from(i) * 0.05 + normal(&mut rng);
            value + if i == spike { 20.0 } else { 0.0 }
        });
        assert_eq!(spikes(&by_the_minute(ramp)).last(), Some(&(spike as u64)), "on a ramp");
    }
    let step = by_the_minute((0..6000).map(|i| if i < 1200 { 42.0 } else { 43.0 }));
    assert!(spikes(&step).iter().all(|row| (1200..1210).contains(row)), "{:?}", spikes(&step));
}

#[test]
fn detectors_of_the_first_release_begin_again_with_their_options_and_rows() {
    // Sensitivity 2, a period of a week, 60 rows of which the last was at 59 minutes, and what followed then.
    let hex = "020000000000000040fd0040c7a119010000013cfd003a00a60100000000000000389c8c4102000100";
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    let mut detector = Detector::from_bytes(&bytes).unwrap();
    assert_eq!((detector.rows(), detector.times()), (60, Some((59 * 60_000_000, 59 * 60_000_000))));
    let options = Options { sensitivity: 2.0, period: 7 * 86_400_000_000 };
    let mut fresh = Detector::new(true, options);
    for i in 0..100 {
        let (x, at) = (Some(f64::from(i % 9)), Some((60 + i64::from(i)) * 60_000_000));
        detector.observe(x, at, &SETTINGS).unwrap();
        fresh.observe(x, at, &SETTINGS).unwrap();
    }
    // The numbers of their rows, and with them the order of sums, differ.
    let (old, new) = (detector.state(&SETTINGS).unwrap(), fresh.state(&SETTINGS).unwrap());
    assert!((old.0 - new.0).abs() < 1e-9 && (old.2 - new.2).abs() < 1e-9, "{old:?} {new:?}");
    assert!(detector.observe(None, Some(0), &SETTINGS).is_err());
    assert_eq!(Detector::from_bytes(&bytes[..12]), Err(tally_stats::detector::CodecError::Damaged));
}

#[test]
fn a_step_under_a_season_is_found_and_the_season_is_forecast() {
    let mut rng = rng(6);
    let season = |i: usize| 3.0 * (std::f64::consts::TAU * i as f64 / 12.0).sin();
    let (mut found, mut wrong, mut off) = (0, 0, 0.0);
    for _ in 0..20 {
        let rows: Vec<f64> = (0..600).map(|i| season(i) + normal(&mut rng)).collect();
        let still = fed(rows.iter().copied());
        wrong += still.starts(&SETTINGS).len();
        off += (1..=12)
            .map(|i| (still.forecast(i as f64, &SETTINGS).unwrap().mean - season(599 + i)).abs())
            .sum::<f64>();
        let step = fed(rows.iter().enumerate().map(|(i, x)| x + if i < 400 { 0.0 } else { 2.0 }));
        found += usize::from(step.starts(&SETTINGS).iter().any(|row| row.abs_diff(400) <= 10));
    }
    assert!(found >= 16 && wrong <= 1, "{found} of 20 found, {wrong} wrong");
    // A forecast without the season is off by 1.9 on average.
    assert!(off / 240.0 < 0.6, "{:.2}", off / 240.0);
}

#[test]
fn a_step_under_a_smooth_season_is_found_after_a_few_periods() {
    let mut rng = rng(25);
    let day = |i: usize| 4.0 * (std::f64::consts::TAU * i as f64 / 24.0).sin();
    let mut found = 0;
    for _ in 0..20 {
        let step = fed((0..300).map(|i| day(i) + normal(&mut rng) + if i < 200 { 0.0 } else { 5.0 }));
        found += usize::from(step.starts(&SETTINGS).iter().any(|row| row.abs_diff(200) <= 10));
    }
    assert!(found >= 12, "{found} of 20 found");
}

#[test]
fn a_flag_that_is_set_is_told_soon_and_never_forecast_beyond_its_values() {
    let flag = |ones: i32| fed((0..144 + ones).map(|i| if i < 144 { 0.0 } else { 1.0 }));
    let detector = flag(20);
    assert_eq!(detector.starts(&SETTINGS), [144]);
    assert!(detector.last_alert().is_some());
    for ones in [20, 75, 335] {
        let detector = flag(ones);
        let (level, _, _) = detector.state(&SETTINGS).unwrap();
        let forecast = detector.forecast(1.0, &SETTINGS).unwrap();
        assert!(level > 0.95 && forecast.low >= 0.0 && forecast.high <= 1.0, "{ones}: {level}, {forecast:?}");
    }
}

#[test]
fn an_obvious_step_is_alerted_within_a_few_rows() {
    let mut rng = rng(21);
    type Make = fn(&mut ChaCha8Rng) -> f64;
    let count = |rng: &mut ChaCha8Rng| (0..40).filter(|_| rng.random_bool(0.05)).count() as f64;
    let kinds: [(&str, f64, Make); 6] = [
        ("constant", 10.0, |_| 3.0),
        ("a flag", 1.0, |_| 0.0),
        ("hardly noisy", 10.0, |rng| 5.0 + 1e-9 * normal(rng)),
        ("noisy", 10.0, |rng| normal(rng)),
        ("rounded", 10.0, |rng| normal(rng).round()),
        ("counts", 100.0, count),
    ];
    for (kind, step, make) in kinds {
        for start in [60, 144, 500] {
            let rows = (0..start + 9).map(|i| make(&mut rng) + if i < start { 0.0 } else { step });
            let alert = fed(rows).last_alert();
            assert!(alert.is_some_and(|(row, _)| row.abs_diff(start) <= 1), "{kind} {start}: {alert:?}");
        }
    }
}

#[test]
fn a_series_that_leaps_is_no_noisier_for_it() {
    let mut rng = rng(22);
    let stays = [10_usize, 14, 11, 17, 13, 9, 16, 12].into_iter().cycle().take(48);
    let leaps: Vec<usize> = stays.scan(0, |row, stay| Some(std::mem::replace(row, *row + stay))).collect();
    let rows = (0..600).map(|row| {
        let high = leaps.iter().filter(|leap| **leap <= row).count() % 2 == 0;
        normal(&mut rng) + if high { 10.0 } else { 0.0 }
    });
    let changes = fed(rows.collect::<Vec<f64>>()).changes(&SETTINGS);
    let lasting: Vec<&Change> = changes.iter().filter(|c| c.kind == Kind::Level).collect();
    let right = lasting.iter().filter(|c| {
        leaps.iter().any(|leap| c.row.abs_diff(*leap as u64) <= 1)
            && (c.difference().abs() - 10.0).abs() < 3.0
    });
    assert!(lasting.len() >= 6 && right.count() + 1 >= lasting.len(), "{lasting:?}");
}

#[test]
fn noise_that_grows_is_one_change() {
    let mut rng = rng(10);
    let noisier = |_| fed((0..1200).map(|row| normal(&mut rng) * if row < 600 { 1.0 } else { 4.0 }));
    let changes: usize = (0..40).map(noisier).map(|detector| detector.starts(&SETTINGS).len()).sum();
    assert!(changes <= 42, "{changes} of 40");
}
