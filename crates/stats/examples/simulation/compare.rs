//! Scores of single series, kept in a file, and the paired differences of two runs.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The normal quantile of a two-sided 90 % interval.
const Z: f64 = 1.645;

/// Scores by kind, family and number of the series.
#[derive(Default)]
pub struct Scores(BTreeMap<(String, String, usize), f64>);

impl Scores {
    pub fn add(&mut self, kind: &str, family: &str, number: usize, value: f64) {
        self.0.insert((kind.to_owned(), family.to_owned(), number), value);
    }

    /// A line a score: kind, family, number, value, separated by tabs.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for ((kind, family, number), value) in &self.0 {
            writeln!(text, "{kind}\t{family}\t{number}\t{value}").expect("memory");
        }
        text
    }

    /// Prints for each kind of score the mean difference over families and its 90 % interval, and the families in
    /// which it is farther from 0 than chance explains.
    pub fn compare(&self, stored: &str) {
        let mut differences: BTreeMap<&str, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
        for line in stored.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [kind, family, number, value] = fields[..] else { panic!("not a score: {line}") };
            let key = (kind.to_owned(), family.to_owned(), number.parse().expect("a number"));
            if let Some(now) = self.0.get(&key) {
                let before: f64 = value.parse().expect("a score");
                differences.entry(kind).or_default().entry(family).or_default().push(now - before);
            }
        }
        for (kind, families) in differences {
            let parts: Vec<(&str, f64, f64)> = families
                .iter()
                .map(|(family, d)| {
                    let (mean, error) = moments(d);
                    (*family, mean, error)
                })
                .collect();
            let n = parts.len() as f64;
            let mean = parts.iter().map(|p| p.1).sum::<f64>() / n;
            let half = Z * parts.iter().map(|p| p.2 * p.2).sum::<f64>().sqrt() / n;
            println!("difference in {kind}: {mean:+.4} [{:+.4}, {:+.4}]", mean - half, mean + half);
            for (family, mean, error) in parts {
                if mean.abs() > Z * error {
                    println!(
                        "    {family:18}{mean:+.4} [{:+.4}, {:+.4}]",
                        mean - Z * error,
                        mean + Z * error
                    );
                }
            }
        }
    }
}

/// Mean and its standard error.
fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}
