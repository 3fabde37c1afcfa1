//! The share of false discoveries over many simulated series is what it is said to be.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal, StudentT};
use tally_stats::detector::{Detector, Options, Settings};
use tally_stats::fleet::{changed_share, discoveries, probability, Null};

const ROWS: usize = 300;

fn noise(kind: &str, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let normal = |rng: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(rng) };
    if let Some(correlation) = kind.strip_prefix("AR(1) ").and_then(|number| number.parse::<f64>().ok()) {
        let mut x = normal(rng);
        let innovation = (1.0 - correlation * correlation).sqrt();
        return (0..ROWS)
            .map(|_| {
                x = correlation * x + innovation * normal(rng);
                x
            })
            .collect();
    }
    if kind == "MA(5)" {
        let white: Vec<f64> = (0..ROWS + 5).map(|_| normal(rng)).collect();
        return white.windows(6).map(|rows| rows.iter().sum::<f64>() / 6f64.sqrt()).collect();
    }
    let laplace = |rng: &mut ChaCha8Rng| -> f64 {
        let size: f64 = Exp1.sample(rng);
        (if rng.random::<bool>() { size } else { -size }) / 2f64.sqrt()
    };
    let t = StudentT::new(3.0).unwrap();
    let log_normal_sd = ((1f64.exp() - 1.0) * 1f64.exp()).sqrt();
    let daily = |row: usize| 3.0 * (row as f64 * std::f64::consts::TAU / 24.0).sin();
    (0..ROWS)
        .map(|row| match kind {
            "white" => normal(rng),
            "t(3)" => t.sample(rng) / 3f64.sqrt(),
            "Laplace" => laplace(rng),
            "log-normal" => normal(rng).exp() / log_normal_sd,
            "rounded" => normal(rng).round(),
            "daily season" => daily(row) + normal(rng),
            // To be made counts.
            _ => rng.random(),
        })
        .collect()
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
        // Events per minute of hourly counts, and the same as a loss.
        Some(("rate", Ok(rate))) => quantile(false, rate + step * rate.sqrt(), noise) / 60.0,
        Some(("loss", Ok(rate))) => -10.0 * quantile(false, rate + step * rate.sqrt(), noise),
        Some(("purchases", Ok(rate))) => {
            let rate = rate + step * (rate * (1.0 - rate)).sqrt();
            if noise < rate {
                -(noise / rate).ln()
            } else {
                0.0
            }
        }
        Some(("Bernoulli", Ok(rate))) => quantile(true, rate + step * (rate * (1.0 - rate)).sqrt(), noise),
        _ => noise + step,
    }
}

/// Evidence of 1800 series of which every tenth has a step of 1.5 standard deviations, and of that many more steps.
struct Fleet {
    mixed: Vec<f64>,
    steps: Vec<f64>,
}

const SERIES: usize = 1800;

/// Evidence of a series with a step at a random row if it changes.
fn watched(kind: &str, changes: bool, rng: &mut ChaCha8Rng) -> f64 {
    let settings = Settings::DEFAULT;
    let noise = noise(kind, rng);
    let start = if changes { rng.random_range(ROWS / 5..ROWS * 4 / 5) } else { ROWS };
    let mut detector = Detector::new(false, Options::new(false));
    for (row, x) in noise.into_iter().enumerate() {
        detector.observe(Some(value(kind, x, row >= start)), None, &settings).unwrap();
    }
    detector.evidence_since(1, &settings)
}

fn evidence(kind: &str, seed: u64) -> Fleet {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mixed = (0..SERIES).map(|i| watched(kind, i % 10 == 0, &mut rng)).collect();
    Fleet { mixed, steps: (0..SERIES * 8 / 10).map(|_| watched(kind, true, &mut rng)).collect() }
}

/// Realised share of false discoveries at a nominal 5 %, and the power.
fn judged(evidence: &[f64], changed: impl Fn(usize) -> bool) -> (f64, f64) {
    let null = Null::fit(evidence.to_vec(), || ());
    let believed: Vec<f64> = evidence.iter().map(|&b| null.believed(b)).collect();
    let share = changed_share(&believed, || ());
    let probabilities: Vec<f64> = believed.iter().map(|&b| probability(b, share)).collect();
    let (found, _) = discoveries(&probabilities, 0.05).unwrap();
    let right = found.iter().filter(|&&i| changed(i)).count();
    let all = (0..evidence.len()).filter(|&i| changed(i)).count();
    ((found.len() - right) as f64 / found.len().max(1) as f64, right as f64 / all as f64)
}

#[test]
fn false_discoveries_are_as_rare_as_promised() {
    for (kind, most, least_power) in [
        ("white", 0.06, 0.95),
        ("AR(1) 0.5", 0.075, 0.12),
        // Nothing is told where drift or a season hides a step of this size.
        ("AR(1) 0.9", 0.06, 0.0),
        ("t(3)", 0.06, 0.95),
        ("Laplace", 0.06, 0.9),
        ("log-normal", 0.06, 0.75),
        ("rounded", 0.06, 0.95),
        ("daily season", 0.06, 0.0),
        ("Poisson 0.05", 0.08, 0.9),
        ("Poisson 0.2", 0.08, 0.95),
        ("Poisson 1", 0.08, 0.95),
        ("rate 0.2", 0.08, 0.95),
        ("loss 0.2", 0.08, 0.95),
        ("purchases 0.2", 0.08, 0.9),
        ("Bernoulli 0.1", 0.08, 0.95),
        ("Bernoulli 0.3", 0.08, 0.95),
    ] {
        let fleet = evidence(kind, 7);
        let tenth = judged(&fleet.mixed, |i| i % 10 == 0);
        // With as many changed as unchanged, the order of ties as it comes.
        let both: Vec<f64> = fleet.mixed.iter().chain(&fleet.steps).copied().collect();
        let half = judged(&both, |i| i >= SERIES || i % 10 == 0);
        println!(
            "{kind}: of a tenth and of half, realised {:.3} {:.3}, power {:.2} {:.2}",
            tenth.0, half.0, tenth.1, half.1
        );
        // Where very many change, the bulk no longer shows all that happens by chance.
        assert!(
            tenth.0 <= most && tenth.1 >= least_power && half.0 <= 2.0 * most,
            "{kind}: {tenth:?} {half:?}"
        );
    }
}

/// Strong correlation hides nearly all changes: each report is of a few series, and only many reports tell which are false.
#[test]
fn strongly_correlated_noise_is_not_told_as_changes() {
    const FLEETS: u32 = 20;
    for kind in ["MA(5)", "AR(1) 0.8", "AR(1) 0.9"] {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let fleet = |_| (0..220).map(|i| watched(kind, i % 10 == 0, &mut rng)).collect::<Vec<f64>>();
        let shares = (0..FLEETS).map(fleet).map(|evidence| judged(&evidence, |i| i % 10 == 0).0);
        let realised = shares.sum::<f64>() / f64::from(FLEETS);
        println!("{kind}: realised {realised:.3}");
        assert!(realised <= 0.06, "{kind}: {realised:.3}");
    }
}

/// Rows of a series: noise, on a trend or a random walk if it says so.
fn long(kind: &str, rows: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut level = 0.0;
    let base = if matches!(kind, "trend" | "walk") { "white" } else { kind };
    let mut values: Vec<f64> = (0..rows.div_ceil(ROWS)).flat_map(|_| noise(base, rng)).take(rows).collect();
    for x in &mut values {
        level += match kind {
            "trend" => 0.05,
            "walk" => StandardNormal.sample(rng),
            _ => 0.0,
        };
        *x += level;
    }
    values
}

#[test]
fn surprises_are_as_rare_as_they_say() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let settings = Settings::DEFAULT;
    let short = ["white", "AR(1) 0.5", "t(3)", "trend", "walk"].map(|kind| (kind, 30, 3000));
    // The views of a trend rise slowly for long.
    for (kind, series, length) in short.into_iter().chain([("trend", 6, 20_000), ("walk", 6, 20_000)]) {
        let (mut rows, mut two, mut three) = (0.0, 0.0, 0.0);
        for _ in 0..series {
            let mut detector = Detector::new(true, Options::new(true));
            for (i, x) in long(kind, length, &mut rng).into_iter().enumerate() {
                detector.observe(Some(x), Some(i as i64 * 60_000_000), &settings).unwrap();
                if let Some(surprise) = detector.surprise().filter(|_| i >= 300) {
                    rows += 1.0;
                    two += f64::from(surprise >= 2.0);
                    three += f64::from(surprise >= 3.0);
                }
            }
        }
        let (two, three) = (1e3 * two / rows, 1e3 * three / rows);
        println!("{kind}, {length}: of 1000 rows, {two:.1} of 2 and more, {three:.2} of 3 and more");
        assert!((5.0..=18.0).contains(&two) && (0.3..=3.0).contains(&three), "{kind}: {two:.1}, {three:.2}");
    }
}
