//! No series leads to a state that cannot be read, or that says what is no number.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tally_stats::detector::{CodecError, Detector, Options, Settings, MOST_BYTES};

const SETTINGS: Settings = Settings::DEFAULT;
/// The times that PostgreSQL has.
const FIRST_TIME: i64 = -211_813_488_000_000_000;
const LAST_TIME: i64 = 9_223_371_331_199_999_999;
/// Values of a series before it may be judged.
const WARM_UP: usize = 20;

/// Any magnitude that doubles have.
fn magnitude(rng: &mut ChaCha8Rng) -> f64 {
    let x = 10f64.powf(rng.random_range(-323.0..308.2));
    if rng.random() {
        x
    } else {
        -x
    }
}

/// Stretches of what breaks sums: the same value, jumps, alternations, ramps, growth, whole numbers, nothing.
fn values(rng: &mut ChaCha8Rng) -> Vec<Option<f64>> {
    let extremes =
        [0.0, -0.0, 1.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e300, f64::INFINITY, f64::NAN];
    let mut home = if rng.random() { 0.0 } else { magnitude(rng) };
    let mut values = vec![Some(home); rng.random_range(0..60)];
    while values.len() < 120 {
        let rows = rng.random_range(1..30);
        let size = match rng.random_range(0..4) {
            0 => *extremes.choose(rng).unwrap_or(&0.0),
            1 => home * 10f64.powf(rng.random_range(-20.0..20.0)),
            2 => f64::from(rng.random_range(0..5u8)),
            _ => magnitude(rng),
        };
        let kind = rng.random_range(0..9);
        for i in 0..rows {
            let k = f64::from(i);
            values.push(match kind {
                0 => Some(size),
                1 => Some(home),
                2 => Some(if i == 0 { size } else { home }),
                3 => Some(if i % 2 == 0 { size } else { home }),
                4 => Some(home + k * size),
                5 => Some(size * 4f64.powf(k)),
                6 => Some(home + size * rng.random_range(-1.0..1.0)),
                7 => Some((rng.random_range(0.0..2.0) * k).round()),
                _ => None,
            });
        }
        if rng.random_range(0..4) == 0 {
            home = size;
        }
    }
    values
}

/// Times with gaps of any length, up to the last there is.
fn next(rng: &mut ChaCha8Rng, at: i64) -> i64 {
    let gap = match rng.random_range(0..40) {
        0 => 0,
        1 => 10f64.powf(rng.random_range(0.0..19.0)) as i64,
        _ => 60_000_000,
    };
    at.saturating_add(gap).min(LAST_TIME)
}

fn assert_numbers(detector: &Detector, context: &str) {
    let mut said: Vec<f64> = vec![detector.alert(&SETTINGS), detector.evidence_since(0, &SETTINGS)];
    said.extend(detector.surprise());
    said.extend(detector.change_probability(&SETTINGS));
    said.extend(detector.state(&SETTINGS).map(<[f64; 3]>::from).into_iter().flatten());
    for steps in [1.0, 1e300] {
        let forecast = detector.forecast(steps, &SETTINGS);
        said.extend(forecast.map(|f| [f.mean, f.low, f.high]).into_iter().flatten());
        assert!(forecast.is_none_or(|f| f.low <= f.mean && f.mean <= f.high), "{context}: {forecast:?}");
    }
    for change in detector.changes(&SETTINGS) {
        let (low, high) = change.interval;
        assert!((0.0..=1.0).contains(&change.probability) && low <= high, "{context}: {change:?}");
        said.extend([change.before, change.after, change.difference(), low, high, change.effect_sd]);
        said.extend([change.errors.0, change.errors.1]);
    }
    assert!(said.iter().all(|x| x.is_finite()), "{context}: {said:?}");
}

fn try_series(seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let timed = rng.random();
        let mut at = if rng.random() { 0 } else { FIRST_TIME };
        let mut detector = Detector::new(timed, Options::new(timed));
        let mut seen = 0;
        for (row, x) in values(rng).into_iter().enumerate() {
            let context = format!("series {seed}, row {row}");
            at = next(rng, at);
            detector.observe(x, timed.then_some(at), &SETTINGS).unwrap();
            seen += usize::from(x.is_some_and(f64::is_finite));
            let bytes = detector.to_bytes();
            assert!(bytes.len() <= MOST_BYTES, "{context}: {} bytes", bytes.len());
            assert_eq!(Detector::from_bytes(&bytes).as_ref(), Ok(&detector), "{context}");
            // A detector that had to begin again has no opinion again.
            assert_eq!(detector.change_probability(&SETTINGS).is_some(), seen >= WARM_UP, "{context}");
            assert_numbers(&detector, &context);
        }
    }
}

#[test]
fn hostile_series_are_read_back_after_every_row() {
    // In the last ones a long season is tried that all but vanishes, and differences are near the end of double precision.
    try_series((0..500).chain([2436, 65209]));
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_thousand_hostile_series_are_read_back_after_every_row() {
    try_series(0..100_000);
}

#[test]
fn damaged_bytes_are_refused_or_harmless() {
    let rng = &mut ChaCha8Rng::seed_from_u64(8);
    let mut accepted = 0;
    for trial in 0..40 {
        let values = values(rng);
        let mut detector = Detector::new(false, Options::new(false));
        for x in &values[..rng.random_range(0..values.len())] {
            detector.observe(*x, None, &SETTINGS).unwrap();
        }
        let bytes = detector.to_bytes();
        for _ in 0..60 {
            let mut damaged = bytes.clone();
            match rng.random_range(0..3) {
                0 => damaged.truncate(rng.random_range(0..bytes.len())),
                1 => damaged.push(rng.random()),
                _ => {
                    for _ in 0..rng.random_range(1..4) {
                        let i = rng.random_range(0..bytes.len());
                        damaged[i] = rng.random();
                    }
                }
            }
            let Ok(mut read) = Detector::from_bytes(&damaged) else { continue };
            accepted += 1;
            for x in &values {
                let context = format!("trial {trial}, {damaged:?}");
                assert_numbers(&read, &context);
                read.run_length(&SETTINGS);
                read.observe(*x, None, &SETTINGS).unwrap();
                assert_eq!(Detector::from_bytes(&read.to_bytes()).as_ref(), Ok(&read), "{context}");
            }
        }
    }
    assert!(accepted > 300, "{accepted}");
    assert_eq!(Detector::from_bytes(&[]), Err(CodecError::Damaged));
    assert_eq!(Detector::from_bytes(&[9, 0, 0]), Err(CodecError::Version(9)));
}
