//! The largest state fits, and what damaged states lead to.

use super::alerts::{Alert, Alerted};
use super::check::MOST_ROWS;
use super::outliers::MOST_OUTLIERS;
use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SETTINGS: Settings = Settings::DEFAULT;
const LAST: u64 = MOST_ROWS as u64;

/// A detector of this many rows whose parts, the segmentation apart, are as long as they can be when stored.
fn largest(rows: u64) -> Detector {
    let options = Options { sensitivity: 1.0, period: i64::MAX };
    let mut largest = Detector::starting(Clock::after(rows, true), options);
    largest.scale.wait(Row { row: 0, at: 0, value: 1e270 });
    largest.scale.start();
    // Numbers have one length each, but a long season is longer while it is sought than when it is tried or known.
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let (mut scale, mut lengths) = (largest.scale.clone(), vec![]);
    for row in 0..400 {
        let place = row as f64;
        let when = When { row, place, before: place - 1.0, period: 0.0 };
        let value = 3.0 * (place / 10.0).sin() + rng.random_range(-0.5..0.5);
        scale.learn(1e270 * value, &when, &SETTINGS);
        let length = codec::encode(&scale).len();
        if length > codec::encode(&largest.scale).len() {
            largest.scale = scale.clone();
        }
        lengths.push(length);
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(
        lengths.len(),
        2,
        "not both of a season sought and of one that is tried or known: {lengths:?}"
    );
    for number in 1..=MOST_OUTLIERS as u64 {
        let (value, expected, seasonal) = (0.0, 0.0, true);
        let (noise, score) = (Coarse::default(), Brief::default());
        largest.outliers.keep(Outlier {
            row: rows - MOST_OUTLIERS as u64 + number,
            at: i64::MIN,
            value,
            expected,
            noise,
            score,
            seasonal,
        });
    }
    assert!(largest.outliers.admit(1e9, &Settings { silence: u16::MAX, ..SETTINGS }));
    largest.alerts.raise(Alert { start: rows, alerted: Alerted { row: rows, at: i64::MIN } });
    largest.surprise = Some(0.0);
    largest
}

#[test]
fn the_largest_state_fits() {
    let few = largest((1 << 32) - 1).to_bytes().len() + segmentation::ROOM;
    let many = largest(LAST).to_bytes().len() + segmentation::ROOM - segmentation::LONG_ROWS;
    assert_eq!([few, many], [MOST_BYTES; 2], "the room for the segmentation is not what the others leave");
    let mut waiting = Detector { segmentation: Segmentation::default(), ..largest(LAST) };
    while waiting.scale.wait(Row { row: LAST, at: i64::MIN, value: 0.0 }) + 1 < SETTINGS.warm_up {}
    assert!(waiting.to_bytes().len() <= MOST_BYTES);
}

#[test]
fn states_fit_after_any_number_of_rows() {
    for rows in [1 << 20, (1 << 32) - 500, 1 << 52] {
        let mut detector =
            Detector { clock: Clock::after(rows, true), ..Detector::new(true, Options::new(true)) };
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let (mut level, mut longest) = (0.0, 0);
        for i in 0..2000 {
            level = if i % 40 == 0 { rng.random_range(-50.0..50.0) } else { level };
            let (x, at) = (level + rng.random_range(-1.0..1.0), i64::MAX / 2 + i * 60_000_000);
            detector.observe(Some(x), Some(at), &SETTINGS).unwrap();
            longest = longest.max(detector.to_bytes().len());
        }
        assert!((1850..=MOST_BYTES).contains(&longest), "after {rows} rows: {longest} bytes");
    }
}

#[test]
fn a_flaw_of_the_structure_is_named_and_one_of_a_number_begins_again() {
    let refused = |detector: &Detector| Detector::from_bytes(&detector.to_bytes());
    let mut detector = Detector::new(false, Options::new(false));
    for i in 0..100 {
        detector.observe(Some(f64::from(i % 7)), None, &SETTINGS).unwrap();
    }
    let options = Options { sensitivity: -1.0, period: 0 };
    let wrong = Detector { options, ..detector.clone() };
    assert_eq!(refused(&wrong), Err(CodecError::Impossible("its sensitivity is not a positive number")));
    let wrong = Detector { clock: Clock::after(3, false), ..detector.clone() };
    let flaw = "its starts of segments are not in the order of rows and times";
    assert_eq!(refused(&wrong), Err(CodecError::Impossible(flaw)));
    let unsound = Detector { surprise: Some(f32::NAN), ..detector.clone() };
    assert_eq!(refused(&unsound), Ok(detector.restarted()));
    let both = Detector { surprise: Some(f32::NAN), ..wrong };
    assert_eq!(refused(&both), Err(CodecError::Impossible(flaw)));
}
