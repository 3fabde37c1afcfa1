//! Confidence of a mean: Student's t interval of one tally, Welch's test of two.

use crate::tally::Tally;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use statrs::function::beta::beta_reg;

/// Degrees of freedom from which on expansions about the normal distribution are more accurate.
const NEARLY_NORMAL_QUANTILE: f64 = 1e3;
const NEARLY_NORMAL_TAIL: f64 = 1e5;

/// An interval for the mean of the population that the values were drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanInterval {
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The difference of two means, with its interval and p-value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WelchTest {
    /// Mean of the second tally less mean of the first.
    pub difference: f64,
    /// Lower end of the interval for the difference.
    pub low: f64,
    /// Upper end of the interval for the difference.
    pub high: f64,
    /// The difference in units of its standard error.
    pub t: f64,
    /// Degrees of freedom, after Welch and Satterthwaite; not an integer.
    pub df: f64,
    /// Probability of a `t` at least as far from 0, either way, if the means are equal.
    pub p_value: f64,
}

impl Tally {
    /// Student's t interval for the mean at a confidence `level` between 0 and 1; `None` below two values.
    ///
    /// mean ± t(df = n - 1, (1 + level) / 2) sqrt(variance / n), for values that are independent and roughly
    /// normal, or many.
    pub fn mean_interval(&self, level: f64) -> Option<MeanInterval> {
        let n = self.num_vals() as f64;
        let (mean, deviation) = (self.avg()?, self.stddev_samp()?);
        let reach = margin(n - 1.0, level, deviation / n.sqrt());
        Some(MeanInterval { low: mean - reach, high: mean + reach })
    }

    /// Welch's t test of `after` against `self`, without assuming equal variances; `None` if either has fewer than
    /// two values.
    ///
    /// Source: Welch, Biometrika 34 (1947). Two constant samples have no error: `t` is then infinite, or 0 if
    /// the means are equal.
    pub fn welch_t_test(&self, after: &Tally, level: f64) -> Option<WelchTest> {
        let (n1, n2) = (self.num_vals() as f64, after.num_vals() as f64);
        let (e1, e2) = (self.stddev_samp()? / n1.sqrt(), after.stddev_samp()? / n2.sqrt());
        let difference = after.avg()? - self.avg()?;
        let error = e1.hypot(e2);
        if error == 0.0 {
            let (t, p_value) =
                if difference == 0.0 { (0.0, 1.0) } else { (difference.signum() * f64::INFINITY, 0.0) };
            return Some(WelchTest {
                difference,
                low: difference,
                high: difference,
                t,
                df: n1 + n2 - 2.0,
                p_value,
            });
        }
        let (share1, share2) = ((e1 / error).powi(2), (e2 / error).powi(2));
        let df = 1.0 / (share1 * share1 / (n1 - 1.0) + share2 * share2 / (n2 - 1.0));
        let t = difference / error;
        let reach = margin(df, level, error);
        let (low, high) = (difference - reach, difference + reach);
        Some(WelchTest { difference, low, high, t, df, p_value: two_sided(t, df) })
    }
}

/// Half the width of an interval; 0 for values without error.
pub(crate) fn margin(df: f64, level: f64, error: f64) -> f64 {
    if error == 0.0 {
        0.0
    } else {
        quantile(df, level) * error
    }
}

/// The t within which, on either side of 0, a share of `level` of the distribution lies.
fn quantile(df: f64, level: f64) -> f64 {
    let upper = 0.5 + level / 2.0;
    if !(upper > 0.5 && upper < 1.0 && df > 0.0) {
        return f64::NAN;
    }
    if df < NEARLY_NORMAL_QUANTILE {
        return StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |t| t.inverse_cdf(upper));
    }
    // Abramowitz & Stegun 26.7.5, polynomials in z² by Horner's rule.
    let z = Normal::standard().inverse_cdf(upper);
    let z2 = z * z;
    let terms = [
        (z2 + 1.0) / 4.0,
        ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0,
        (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0,
        ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0,
    ];
    z * terms.iter().rev().fold(0.0, |sum, term| (sum + term) / df) + z
}

/// Probability of a t at least this far from 0.
fn two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() {
        return f64::NAN;
    }
    if df < NEARLY_NORMAL_TAIL {
        return beta_reg(df / 2.0, 0.5, df / (df + t * t));
    }
    // Abramowitz & Stegun 26.7.8.
    let z = t.abs() * (1.0 - 1.0 / (4.0 * df)) / (1.0 + t * t / (2.0 * df)).sqrt();
    2.0 * Normal::standard().sf(z)
}
