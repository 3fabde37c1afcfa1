//! Merton's jump diffusion: the path of one price.
//!
//! Model time is counted in steps of `delta` years. Over one step the logarithm of the price moves by
//! `N(0, volatility * sqrt(delta)) + (drift - volatility^2 / 2) * delta`, and by `N(jump_mean, jump_sd)` for each jump;
//! the jumps come at exponential gaps, `jump_rate` of them per step. Such a path has independent and stationary
//! increments, so that it can be observed anywhere inside a step: a trade that comes half a step after the last one
//! sees half a step of diffusion.

use super::quantity::{finite, not_negative, positive};
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Exp, Normal, StandardNormal, Uniform};

/// The least volatility of a series, whatever was drawn for it.
const LEAST_VOLATILITY: f64 = 0.05;

/// The parameters of the jump diffusion, shared by all series.
#[derive(Clone, Debug, clap::Args)]
pub struct Parameters {
    /// Years of the model per step
    #[arg(long, value_name = "YEARS", value_parser = positive, default_value_t = DEFAULTS.delta)]
    pub delta: f64,
    /// Drift of the price per year
    #[arg(long, value_name = "PER_YEAR", value_parser = finite, default_value_t = DEFAULTS.drift, allow_negative_numbers = true)]
    pub drift: f64,
    /// Mean of the normal distribution from which each series draws its yearly volatility
    #[arg(long, value_name = "PER_YEAR", value_parser = not_negative, default_value_t = DEFAULTS.volatility_mean)]
    pub volatility_mean: f64,
    /// Standard deviation of that distribution
    #[arg(long, value_name = "PER_YEAR", value_parser = not_negative, default_value_t = DEFAULTS.volatility_sd)]
    pub volatility_sd: f64,
    /// Jumps per step
    #[arg(long, value_name = "PER_STEP", value_parser = not_negative, default_value_t = DEFAULTS.jump_rate)]
    pub jump_rate: f64,
    /// Mean of a jump of the logarithm of the price
    #[arg(long, value_name = "LOG", value_parser = finite, default_value_t = DEFAULTS.jump_mean, allow_negative_numbers = true)]
    pub jump_mean: f64,
    /// Standard deviation of a jump
    #[arg(long, value_name = "LOG", value_parser = not_negative, default_value_t = DEFAULTS.jump_sd)]
    pub jump_sd: f64,
}

/// The default parameters.
pub const DEFAULTS: Parameters = Parameters {
    delta: 0.04,
    drift: 0.058,
    volatility_mean: 0.3,
    volatility_sd: 0.2,
    jump_rate: 0.00325,
    jump_mean: 0.2,
    jump_sd: 0.01,
};

/// The moving price of one series.
#[derive(Clone, Debug)]
pub struct Path {
    log_price: f64,
    drift_per_step: f64,
    sd_per_step: f64,
    steps_to_jump: f64,
    jump_gap: Exp<f64>,
    jump_size: Normal<f64>,
}

impl Path {
    /// Starts a series: draws its first price and its volatility.
    ///
    /// # Panics
    /// If a parameter is outside the range that its option accepts.
    pub fn start(parameters: &Parameters, rng: &mut ChaCha12Rng) -> Self {
        let Parameters { delta, drift, volatility_mean, volatility_sd, jump_rate, jump_mean, jump_sd } =
            *parameters;
        let first_price = f64::from(Uniform::new_inclusive(1, 1000).expect("a range").sample(rng)) / 10.0;
        let drawn = Normal::new(volatility_mean, volatility_sd).expect("a checked option").sample(rng);
        let volatility = drawn.max(LEAST_VOLATILITY);
        let jump_gap = Exp::new(jump_rate).expect("a checked option");
        Self {
            log_price: first_price.ln(),
            drift_per_step: (drift - volatility * volatility / 2.0) * delta,
            sd_per_step: volatility * delta.sqrt(),
            steps_to_jump: jump_gap.sample(rng),
            jump_gap,
            jump_size: Normal::new(jump_mean, jump_sd).expect("a checked option"),
        }
    }

    /// The current price.
    pub fn price(&self) -> f64 {
        self.log_price.exp()
    }

    /// Moves on by a number of steps, usually a small fraction of one.
    pub fn advance(&mut self, steps: f64, rng: &mut ChaCha12Rng) {
        let shock: f64 = StandardNormal.sample(rng);
        self.log_price += self.drift_per_step * steps + self.sd_per_step * steps.sqrt() * shock;
        self.steps_to_jump -= steps;
        while self.steps_to_jump <= 0.0 {
            self.log_price += self.jump_size.sample(rng);
            self.steps_to_jump += self.jump_gap.sample(rng);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use rand_chacha::rand_core::SeedableRng;

    /// Parameters with one volatility for all series, for which theory has the expected values.
    const PARAMETERS: Parameters = Parameters { volatility_sd: 0.0, ..DEFAULTS };

    /// The log returns of `n` moves of `steps` steps each.
    fn returns(parameters: &Parameters, n: usize, steps: f64) -> Vec<f64> {
        let rng = &mut ChaCha12Rng::seed_from_u64(7);
        let mut path = Path::start(parameters, rng);
        let mut step = || {
            let before = path.log_price;
            path.advance(steps, rng);
            path.log_price - before
        };
        (0..n).map(|_| step()).collect()
    }

    fn mean_and_variance(x: &[f64]) -> (f64, f64) {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (x.len() - 1) as f64)
    }

    /// Within 4.5 standard errors: a seed in 100,000 would miss it.
    fn assert_near(measured: f64, expected: f64, standard_error: f64) {
        assert_abs_diff_eq!(measured, expected, epsilon = 4.5 * standard_error);
    }

    #[test]
    fn drift_and_volatility_are_those_of_the_theory() {
        let parameters = Parameters { jump_rate: 0.0, ..PARAMETERS };
        for (n, steps) in [(400_000, 1.0), (400_000, 0.001)] {
            let (mean, variance) = mean_and_variance(&returns(&parameters, n, steps));
            let expected = 0.3 * 0.3 * 0.04 * steps;
            assert_near(mean, (0.058 - 0.3 * 0.3 / 2.0) * 0.04 * steps, (expected / n as f64).sqrt());
            assert_near(variance, expected, expected * (2.0 / n as f64).sqrt());
        }
    }

    #[test]
    fn jumps_come_at_their_rate_and_size() {
        // Calm enough (the floor of the volatility) for every jump to stand out.
        let parameters = Parameters { volatility_mean: 0.0, jump_rate: 0.02, ..PARAMETERS };
        for (n, steps) in [(200_000, 1.0), (400_000, 0.25)] {
            let moves = returns(&parameters, n, steps);
            let jumps: Vec<f64> = moves.into_iter().filter(|x| *x > 0.1).collect();
            let chance = 1.0 - (-0.02 * steps).exp();
            assert_near(jumps.len() as f64, chance * n as f64, (chance * n as f64).sqrt());
            let single: Vec<f64> = jumps.into_iter().filter(|x| *x < 0.3).collect();
            let (mean, variance) = mean_and_variance(&single);
            let expected = 0.01 * 0.01 + 0.05 * 0.05 * 0.04 * steps;
            assert_near(mean, 0.2, (expected / single.len() as f64).sqrt() + 1e-3);
            assert_near(variance, expected, expected * (2.0 / single.len() as f64).sqrt());
        }
    }

    #[test]
    fn all_of_it_adds_up_to_the_law_of_the_jump_diffusion() {
        for (n, jump_rate, steps) in [(2_000_000, 0.00325, 1.0), (400_000, 0.7, 1.0), (400_000, 0.7, 0.3)] {
            let parameters = Parameters { jump_rate, ..PARAMETERS };
            let (mean, variance) = mean_and_variance(&returns(&parameters, n, steps));
            let expected = (0.3 * 0.3 * 0.04 + jump_rate * (0.2 * 0.2 + 0.01 * 0.01)) * steps;
            let error = (expected / n as f64).sqrt();
            assert_near(mean, ((0.058 - 0.045) * 0.04 + jump_rate * 0.2) * steps, error);
            // Rare jumps have a heavy tail, which dominates the error of the variance.
            let fourth = 3.0 * expected * expected + jump_rate * steps * 0.2_f64.powi(4);
            assert_near(variance, expected, (fourth / n as f64).sqrt());
        }
    }
}
