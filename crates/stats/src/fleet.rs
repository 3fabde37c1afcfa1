//! False discovery rate over many series: the share that changed, and which to report.

use std::collections::TryReserveError;

/// The prior of the share of changed series: one in ten, as if ten series had been seen.
const PRIOR_CHANGED: f64 = 1.0;
const PRIOR_SERIES: f64 = 10.0;
/// Expectation-maximisation converges linearly; this is plenty for three digits.
const ROUNDS: usize = 200;
const CLOSE: f64 = 1e-9;

/// Probability of a change, from the natural log of its Bayes factor and the share of series that change.
pub fn probability(log_bayes_factor: f64, share: f64) -> f64 {
    let odds = log_bayes_factor + share.ln() - (-share).ln_1p();
    1.0 / (1.0 + (-odds).exp())
}

/// The share of series that changed, fitted to the log Bayes factors of all.
///
/// Expectation-maximisation of the two-group mixture (Efron, Large-Scale Inference, 2010) with a weak Beta prior.
/// Unlike with a hazard per row, the posterior of a series does not depend on its number of rows. `breathe` is called
/// between two rounds.
pub fn changed_share(log_bayes_factors: &[f64], mut breathe: impl FnMut()) -> f64 {
    let mut share = PRIOR_CHANGED / PRIOR_SERIES;
    for _ in 0..ROUNDS {
        breathe();
        let expected: f64 = log_bayes_factors.iter().map(|&b| probability(b, share)).sum();
        let next = (expected + PRIOR_CHANGED) / (log_bayes_factors.len() as f64 + PRIOR_SERIES);
        if (next - share).abs() < CLOSE {
            break;
        }
        share = next;
    }
    share
}

/// Indexes of the longest list whose expected share of false discoveries is at most `fdr`, most probable first, and
/// that share.
///
/// The Bayes rule for this loss: Müller, Parmigiani & Rice, FDR and Bayesian multiple comparisons rules (2006).
///
/// Fails if there is no memory for the list.
pub fn discoveries(probabilities: &[f64], fdr: f64) -> Result<(Vec<usize>, f64), TryReserveError> {
    let mut order = Vec::new();
    order.try_reserve_exact(probabilities.len())?;
    order.extend(0..probabilities.len());
    order.sort_unstable_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]).then(a.cmp(&b)));
    let (mut doubt, mut length, mut expected) = (0.0, 0, 0.0);
    for (i, &which) in order.iter().enumerate() {
        doubt += 1.0 - probabilities[which];
        let share = doubt / (i + 1) as f64;
        if share > fdr {
            break;
        }
        (length, expected) = (i + 1, share);
    }
    order.truncate(length);
    Ok((order, expected))
}
