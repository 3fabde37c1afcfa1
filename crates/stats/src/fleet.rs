//! False discovery rate over many series: the share that changed, and which to report.

use std::collections::TryReserveError;

/// The prior of the share of changed series: one in ten, as if ten series had been seen.
const PRIOR_CHANGED: f64 = 1.0;
const PRIOR_SERIES: f64 = 10.0;
/// Expectation-maximisation converges linearly; this is plenty for three digits.
const ROUNDS: usize = 200;
const CLOSE: f64 = 1e-9;

/// The least and most of which evidence is told apart: probabilities stay this far from 0 and 1.
const MOST_EVIDENCE: f64 = 15.0;
/// The share of series without a change whose evidence is below the start of the tail.
const BODY: f64 = 0.25;
/// The mean excess of evidence that is as good as it says, and the number of series for which that counts.
const HONEST_EXCESS: f64 = 1.0;
const HONEST_SERIES: f64 = 20.0;
/// Factor by which the tail is taken to be longer than it was fitted: the longest tails bend outwards.
const CAUTION: f64 = 1.1;
/// The prior of the share of changes whose evidence is overwhelming, and the changes for which it counts. The evidence
/// of the others is taken as equally often weak and strong.
const OVERWHELMING: f64 = 0.5;
const OVERWHELMING_SERIES: f64 = 2.0;

/// Evidence in series without a change: beyond `start` it has an exponential tail with this mean excess.
///
/// A Bayes factor exceeds b with a probability of at most 1/b if nothing happened and the model holds. Where it does
/// not hold, because noise drifts or has tails or bursts that the model does not know, the bulk of the series shows
/// how far evidence gets by chance: an empirical null (Efron, Large-Scale Inference, 2010).
#[derive(Clone, Copy, Debug)]
pub struct Null {
    start: f64,
    excess: f64,
    /// Share of changed series in the tail, and the share of these whose evidence is overwhelming.
    changed: f64,
    overwhelming: f64,
}

impl Null {
    /// The null that fits the log Bayes factors of all series best. `breathe` is called between two rounds.
    pub fn fit(log_bayes_factors: Vec<f64>, mut breathe: impl FnMut()) -> Null {
        let mut tail = log_bayes_factors;
        tail.retain(|b| b.is_finite());
        tail.sort_unstable_by(f64::total_cmp);
        let body = (tail.len() as f64 * BODY) as usize;
        let start = tail.get(body).copied().unwrap_or(0.0).min(0.0);
        tail.drain(..tail.partition_point(|b| *b <= start));
        let changed = PRIOR_CHANGED / PRIOR_SERIES;
        let mut null = Null { start, excess: HONEST_EXCESS, changed, overwhelming: OVERWHELMING };
        for _ in 0..ROUNDS {
            breathe();
            let before = null;
            null.improve(&tail);
            if (null.excess - before.excess).abs() + (null.changed - before.changed).abs() < CLOSE {
                break;
            }
        }
        null
    }

    /// Densities at this evidence, without a change and with one; beyond [`MOST_EVIDENCE`] the probabilities.
    fn densities(&self, b: f64) -> (f64, f64) {
        let beyond = (b.min(MOST_EVIDENCE) - self.start) / self.excess;
        if b >= MOST_EVIDENCE {
            return ((-beyond).exp(), self.overwhelming);
        }
        let change = if b > 0.0 { (1.0 - self.overwhelming) / MOST_EVIDENCE } else { 0.0 };
        ((-beyond).exp() / self.excess, change)
    }

    /// A round of expectation-maximisation over the evidence beyond the start.
    fn improve(&mut self, tail: &[f64]) {
        let (mut changed, mut overwhelming, mut excesses, mut ends) = (0.0, 0.0, 0.0, 0.0);
        for &b in tail {
            let (chance, change) = self.densities(b);
            let (chance, change) = ((1.0 - self.changed) * chance, self.changed * change);
            let share = if change > 0.0 { change / (chance + change) } else { 0.0 };
            changed += share;
            // Evidence that is cut off has reached no end of the tail.
            if b < MOST_EVIDENCE {
                ends += 1.0 - share;
            } else {
                overwhelming += share;
            }
            excesses += (1.0 - share) * (b.min(MOST_EVIDENCE) - self.start);
        }
        self.excess = (excesses + HONEST_SERIES * HONEST_EXCESS) / (ends + HONEST_SERIES);
        self.excess = self.excess.max(HONEST_EXCESS);
        self.overwhelming =
            (overwhelming + OVERWHELMING * OVERWHELMING_SERIES) / (changed + OVERWHELMING_SERIES);
        self.changed = (changed + PRIOR_CHANGED) / (tail.len() as f64 + PRIOR_SERIES);
    }

    /// The evidence as far as the fleet lets it be believed, again as the natural log of a Bayes factor.
    pub fn believed(&self, log_bayes_factor: f64) -> f64 {
        if log_bayes_factor <= 0.0 {
            return log_bayes_factor;
        }
        let cautious = Null { excess: CAUTION * self.excess, ..*self };
        let (chance, change) = cautious.densities(log_bayes_factor);
        log_bayes_factor.min(change.ln() - ((1.0 - BODY) * chance).ln())
    }
}

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
