//! One line of text for a tally or a detector, for consoles and dashboards.

use crate::detector::{Detector, Settings};
use crate::number::Number;
use crate::tally::Tally;

/// Significant digits: of the spread of a number, or of the number itself where it has none.
const OF_SPREAD: f64 = 3.0;
const OF_VALUE: f64 = 6.0;
/// The spread, relative to the values, below which it is taken for rounding.
const LEAST_SPREAD: f64 = 1e-9;
/// Sizes beyond which an exponent is easier to read than zeros.
const MOST_DECIMALS: f64 = 12.0;
const MOST_PLAIN: f64 = 1e15;

/// Decimals of the numbers of one line.
struct Digits(Option<usize>);

impl Digits {
    fn of(spread: f64, value: f64) -> Digits {
        let spreads = spread > value.abs() * LEAST_SPREAD;
        let (size, digits) = if spreads { (spread, OF_SPREAD) } else { (value.abs(), OF_VALUE) };
        let decimals = if size > 0.0 { (digits - 1.0 - size.log10().floor()).max(0.0) } else { 0.0 };
        Digits((decimals <= MOST_DECIMALS).then_some(decimals as usize))
    }

    fn write(&self, x: f64) -> String {
        match self.0 {
            _ if !x.is_finite() || x == 0.0 => Number(x).to_string(),
            Some(decimals) if x.abs() < MOST_PLAIN => {
                let plain = format!("{x:.decimals$}");
                let short =
                    if decimals > 0 { plain.trim_end_matches('0').trim_end_matches('.') } else { &plain };
                (if short == "-0" { "0" } else { short }).to_string()
            }
            _ => format!("{x:.5e}"),
        }
    }
}

impl Tally {
    /// Count, mean, standard deviation and range, as `n=347 mean=60252.9 sd=92.1 [60052.8 … 60476.3]`.
    pub fn summary(&self) -> String {
        let Some(mean) = self.avg() else { return "n=0".to_string() };
        let deviation = self.stddev_samp();
        let digits = Digits::of(deviation.unwrap_or(0.0), mean);
        let end = |x: Option<f64>| x.map_or_else(|| "?".to_string(), |x| digits.write(x));
        let spread = deviation.map(|sd| format!(" sd={}", digits.write(sd))).unwrap_or_default();
        let (low, high) = (end(self.min()), end(self.max()));
        format!("n={} mean={}{spread} [{low} … {high}]", self.num_vals(), digits.write(mean))
    }
}

impl Detector {
    /// Rows, level, noise, slope where there is one, and rows since the last change, as
    /// `n=500 level=19950.2 noise=12.1 run=200`.
    pub fn summary(&self, s: &Settings) -> String {
        let Some((level, slope, noise)) = self.state(s) else { return format!("n={}", self.rows()) };
        let digits = Digits::of(noise, level);
        let per = if self.timed() { "s" } else { "row" };
        let slope = if slope == 0.0 {
            String::new()
        } else {
            format!(" slope={}/{per}", Digits::of(slope.abs(), slope).write(slope))
        };
        let (level, noise) = (digits.write(level), digits.write(noise));
        format!("n={} level={level} noise={noise}{slope} run={}", self.rows(), self.run_length(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::Options;

    fn of(values: &[f64]) -> String {
        values.iter().copied().collect::<Tally>().summary()
    }

    #[test]
    fn a_tally_in_a_line() {
        assert_eq!(of(&[]), "n=0");
        assert_eq!(of(&[5.0]), "n=1 mean=5 [5 … 5]");
        assert_eq!(of(&[0.1, 0.2, 0.3]), "n=3 mean=0.2 sd=0.1 [0.1 … 0.3]");
        assert_eq!(of(&[60052.81, 60476.349, 60252.9]), "n=3 mean=60261 sd=212 [60053 … 60476]");
        assert_eq!(of(&[0.0, 0.0]), "n=2 mean=0 sd=0 [0 … 0]");
        assert_eq!(of(&[1e-20, 3e-20]), "n=2 mean=2.00000e-20 sd=1.41421e-20 [1.00000e-20 … 3.00000e-20]");
        assert_eq!(of(&[1e300, 1e300]), "n=2 mean=1.00000e300 sd=0 [1.00000e300 … 1.00000e300]");
        assert_eq!(of(&[-0.0001, 100.0, -100.0]), "n=3 mean=0 sd=100 [-100 … 100]");
        assert_eq!(of(&[1.0, f64::NAN]), "n=2 mean=NaN sd=NaN [1 … NaN]");
        let mut rest: Tally = [1.0, 2.0, 3.0].into_iter().collect();
        rest.unmerge(&[1.0].into_iter().collect()).unwrap();
        assert_eq!(rest.summary(), "n=2 mean=2.5 sd=0.707 [? … 3]");
    }

    #[test]
    fn a_detector_in_a_line() {
        let s = &Settings::DEFAULT;
        let mut detector = Detector::new(false, Options::new(false));
        assert_eq!(detector.summary(s), "n=0");
        for _ in 0..30 {
            detector.observe(Some(7.5), None, s).unwrap();
        }
        assert_eq!(detector.summary(s), "n=30 level=7.5 noise=0 run=30");
    }
}
