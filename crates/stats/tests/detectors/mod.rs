//! Detectors that have seen simulated rows.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tally_stats::detector::{Detector, Options, Settings};

pub const SETTINGS: Settings = Settings::DEFAULT;

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// A detector that has seen these values, of rows without times.
pub fn fed(values: impl IntoIterator<Item = f64>) -> Detector {
    let mut detector = Detector::new(false, Options::new(false));
    for x in values {
        detector.observe(Some(x), None, &SETTINGS).unwrap();
    }
    detector
}
