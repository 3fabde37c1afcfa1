//! The univariate data sets of NIST's Statistical Reference Datasets.
//!
//! Those that are made by a rule are made here. The others are read from the folder named by `NIST_STRD`, if
//! there is one: `NAME.dat` as NIST publishes them, data from line 61.

mod common;

use common::{merged, rng, Exact};
use rand::seq::SliceRandom;
use std::path::PathBuf;
use tally_stats::Tally;

/// Agreement with exact arithmetic on the parsed doubles, in order, shuffled and merged.
fn assert_exact(name: &str, values: &[f64]) {
    let exact = Exact::of(values);
    exact.assert_close(&values.iter().copied().collect(), name);
    let mut rng = rng(30);
    let mut shuffled = values.to_vec();
    for _ in 0..20 {
        shuffled.shuffle(&mut rng);
        exact.assert_close(&merged(&mut rng, &shuffled), name);
    }
}

/// Digits in which a result agrees with the certified value, 15 at most.
fn digits(computed: f64, certified: f64) -> f64 {
    (-((computed - certified) / certified).abs().log10()).min(15.0)
}

/// Certified by construction: mean `middle`, deviation 0.1; what the parsing of decimals leaves of the digits.
fn alternating(middle: &str, low: &str, high: &str) -> Vec<f64> {
    let [middle, low, high] = [middle, low, high].map(|x| x.parse().unwrap());
    std::iter::once(middle).chain((0..500).flat_map(|_| [low, high])).collect()
}

#[test]
fn generated_sets() {
    for (name, values, mean, deviation, attainable) in [
        ("NumAcc1", vec![10000001.0, 10000003.0, 10000002.0], 10000002.0, 1.0, 15.0),
        ("NumAcc2", alternating("1.2", "1.1", "1.3"), 1.2, 0.1, 15.0),
        ("NumAcc3", alternating("1000000.2", "1000000.1", "1000000.3"), 1000000.2, 0.1, 9.4),
        ("NumAcc4", alternating("10000000.2", "10000000.1", "10000000.3"), 10000000.2, 0.1, 8.2),
    ] {
        assert_exact(name, &values);
        let tally: Tally = values.into_iter().collect();
        assert!(digits(tally.avg().unwrap(), mean) >= 15.0, "{name}");
        assert!(digits(tally.stddev_samp().unwrap(), deviation) >= attainable, "{name}");
    }
}

#[test]
fn published_sets() {
    let Some(folder) = std::env::var_os("NIST_STRD").filter(|folder| !folder.is_empty()).map(PathBuf::from)
    else {
        println!("NIST_STRD names no folder: only the generated sets were tested");
        return;
    };
    // Certified deviations, and the digits of them that parsing the decimals leaves.
    for (name, deviation, attainable) in [
        ("PiDigits", 2.86733906028871, 14.5),
        ("Lottery", 291.699727470969, 14.5),
        ("Lew", 277.332168044316, 14.5),
        ("Mavro", 0.000429123454003053, 13.0),
        ("Michelso", 0.0790105478190518, 13.7),
        ("NumAcc1", 1.0, 15.0),
        ("NumAcc2", 0.1, 15.0),
        ("NumAcc3", 0.1, 9.4),
        ("NumAcc4", 0.1, 8.2),
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.dat"))).unwrap();
        let values: Vec<f64> = text.lines().skip(60).filter_map(|line| line.trim().parse().ok()).collect();
        assert_exact(name, &values);
        let tally: Tally = values.into_iter().collect();
        assert!(digits(tally.stddev_samp().unwrap(), deviation) >= attainable, "{name}");
    }
}
