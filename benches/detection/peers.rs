//! pg_tally and the crate changepoint over the same series, for `benches/detection/peers.sh`.
//!
//! `peers time FILE` prints microseconds per row; `peers starts` reads a series per line, values between spaces, and
//! prints the starts of segments that either finds: `pg_tally 10 20`, then `changepoint 15`. pg_tally sees the series
//! as it is, its peer scaled.

use changepoint::{utils::map_changepoints, BocpdLike, BocpdTruncated};
use cpu_time::ProcessTime;
use rv::prelude::{Gaussian, NormalGamma};
use tally_stats::detector::{Detector, Options, Settings};

fn detector() -> Detector {
    Detector::new(false, Options::new(false))
}

/// The detector as in the example of the crate.
fn bocpd() -> BocpdTruncated<f64, Gaussian, NormalGamma> {
    BocpdTruncated::new(250.0, NormalGamma::new_unchecked(0.0, 1.0, 1.0, 1.0))
}

fn timed(what: &str, values: &[f64], mut row: impl FnMut(f64)) {
    // Of the processor: other programs on the machine do not count.
    let start = ProcessTime::now();
    values.iter().for_each(|&x| row(x));
    println!("{what} {}", start.elapsed().as_secs_f64() * 1e6 / values.len() as f64);
}

fn scaled(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    values.iter().map(|x| (x - mean) / sd).collect()
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().map(|x| x.parse().expect("a number")).collect()
}

fn show(what: &str, starts: impl IntoIterator<Item = impl ToString>) {
    let starts: Vec<String> = starts.into_iter().map(|s| s.to_string()).collect();
    println!("{what} {}", starts.join(" "));
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let settings = Settings::DEFAULT;
    if arguments[1] == "time" {
        let values = numbers(&std::fs::read_to_string(&arguments[2]).expect("a file"));
        let (mut own, mut peer) = (detector(), bocpd());
        timed("pg_tally", &values, |x| own.observe(Some(x), None, &settings).expect("a row"));
        timed("changepoint", &values, |x| {
            peer.step(&x);
        });
        return;
    }
    for line in std::io::stdin().lines() {
        let values = numbers(&line.expect("text"));
        let (mut own, mut peer) = (detector(), bocpd());
        values.iter().for_each(|&x| own.observe(Some(x), None, &settings).expect("a row"));
        show("pg_tally", own.starts(&settings));
        let runs: Vec<Vec<f64>> = scaled(&values).iter().map(|x| peer.step(x).to_vec()).collect();
        show("changepoint", map_changepoints(&runs));
    }
}
