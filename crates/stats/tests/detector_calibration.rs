//! The share of false discoveries over many simulated series is what it is said to be.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StudentT};
use tally_stats::detector::{Detector, Options, Settings};
use tally_stats::fleet::{changed_share, discoveries, probability};

const ROWS: usize = 300;

fn noise(kind: &str, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let normal = |rng: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(rng) };
    match kind {
        "AR(1) 0.5" => {
            let mut x = normal(rng);
            (0..ROWS)
                .map(|_| {
                    x = 0.5 * x + 0.75f64.sqrt() * normal(rng);
                    x
                })
                .collect()
        }
        "t(3)" => {
            let t = StudentT::new(3.0).unwrap();
            (0..ROWS).map(|_| t.sample(rng) / 3f64.sqrt()).collect()
        }
        "white" => (0..ROWS).map(|_| normal(rng)).collect(),
        // To be made counts.
        _ => (0..ROWS).map(|_| rng.random()).collect(),
    }
}

/// The count, or the 0 or 1, that a share of all are below.
fn quantile(binary: bool, rate: f64, share: f64) -> f64 {
    if binary {
        return f64::from(share < rate);
    }
    let (mut x, mut probability) = (0.0, (-rate).exp());
    let mut below = probability;
    while share > below && probability > 0.0 {
        x += 1.0;
        probability *= rate / x;
        below += probability;
    }
    x
}

/// A value of the series, with a step of 1.5 standard deviations if it is after the change.
fn value(kind: &str, noise: f64, changed: bool) -> f64 {
    let step = if changed { 1.5 } else { 0.0 };
    match kind.split_once(' ').map(|(name, rate)| (name, rate.parse::<f64>())) {
        Some(("Poisson", Ok(rate))) => quantile(false, rate + step * rate.sqrt(), noise),
        Some(("Bernoulli", Ok(rate))) => quantile(true, rate + step * (rate * (1.0 - rate)).sqrt(), noise),
        _ => noise + step,
    }
}

/// Realised share of false discoveries at a nominal 5 %, and the power. Every tenth series has a step of 1.5 standard
/// deviations.
fn simulate(kind: &str, series: usize, seed: u64) -> (f64, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let settings = Settings::DEFAULT;
    let evidence: Vec<f64> = (0..series)
        .map(|i| {
            let noise = noise(kind, &mut rng);
            let start = if i % 10 == 0 { rng.random_range(ROWS / 5..ROWS * 4 / 5) } else { ROWS };
            let mut detector = Detector::new(false, Options::new(false));
            for (row, x) in noise.into_iter().enumerate() {
                detector.observe(Some(value(kind, x, row >= start)), None, &settings).unwrap();
            }
            detector.evidence_since(1, &settings)
        })
        .collect();
    let share = changed_share(&evidence, || ());
    let probabilities: Vec<f64> = evidence.iter().map(|&b| probability(b, share)).collect();
    let (found, _) = discoveries(&probabilities, 0.05).unwrap();
    let right = found.iter().filter(|&&i| i % 10 == 0).count();
    let all = series.div_ceil(10);
    ((found.len() - right) as f64 / found.len().max(1) as f64, right as f64 / all as f64)
}

#[test]
fn false_discoveries_are_as_rare_as_promised() {
    for (kind, most, least_power) in [
        ("white", 0.06, 0.95),
        ("AR(1) 0.5", 0.06, 0.2),
        ("t(3)", 0.06, 0.95),
        ("Poisson 0.05", 0.08, 0.9),
        ("Poisson 0.2", 0.08, 0.95),
        ("Poisson 1", 0.08, 0.95),
        ("Bernoulli 0.1", 0.08, 0.95),
        ("Bernoulli 0.3", 0.08, 0.95),
    ] {
        let (fdr, power) = simulate(kind, 2000, 7);
        println!("{kind}: realised {fdr:.3}, power {power:.2}");
        assert!(fdr <= most && power >= least_power, "{kind}: realised {fdr:.3}, power {power:.2}");
    }
}
