//! The price model of `simulate csv`: one step is a business day, and prices stay those of a market over a century.

use super::merton::Parameters;
use super::quantity::{finite, not_negative, positive};

const BUSINESS_DAYS_A_YEAR: f64 = 252.0;

/// The parameters of daily prices, shared by all shares. All rates are per year.
#[derive(Clone, Debug, clap::Args)]
pub struct Daily {
    /// Years of the model per business day
    #[arg(long, value_name = "YEARS", value_parser = positive, default_value_t = DEFAULTS.delta)]
    delta: f64,
    /// Growth of the expected price per year; jumps are a part of it, and do not come on top
    #[arg(long, value_name = "PER_YEAR", value_parser = finite, default_value_t = DEFAULTS.drift, allow_negative_numbers = true)]
    drift: f64,
    /// Mean of the normal distribution from which each share draws its yearly volatility
    #[arg(long, value_name = "PER_YEAR", value_parser = not_negative, default_value_t = DEFAULTS.volatility_mean)]
    volatility_mean: f64,
    /// Standard deviation of that distribution
    #[arg(long, value_name = "PER_YEAR", value_parser = not_negative, default_value_t = DEFAULTS.volatility_sd)]
    volatility_sd: f64,
    /// Jumps per year
    #[arg(long, value_name = "PER_YEAR", value_parser = not_negative, default_value_t = DEFAULTS.jump_rate)]
    jump_rate: f64,
    /// Mean of a jump of the logarithm of the price
    #[arg(long, value_name = "LOG", value_parser = finite, default_value_t = DEFAULTS.jump_mean, allow_negative_numbers = true)]
    jump_mean: f64,
    /// Standard deviation of a jump
    #[arg(long, value_name = "LOG", value_parser = not_negative, default_value_t = DEFAULTS.jump_sd)]
    jump_sd: f64,
}

/// The default parameters. The spread of volatilities is smaller than in a stream: over a century it decides which
/// shares become worthless.
pub const DEFAULTS: Daily = Daily {
    delta: 1.0 / BUSINESS_DAYS_A_YEAR,
    drift: 0.058,
    volatility_mean: 0.3,
    volatility_sd: 0.1,
    jump_rate: 0.8,
    jump_mean: 0.2,
    jump_sd: 0.01,
};

impl Daily {
    /// The jump diffusion of these prices, a step of which is a business day.
    ///
    /// A jump multiplies the price by `exp(N(jump_mean, jump_sd))`, `1 + k` in the mean. The diffusion drifts by
    /// `jump_rate * k` less, so that the expected price grows by `drift` (R. C. Merton, 1976).
    pub fn diffusion(&self) -> Parameters {
        let k = (self.jump_mean + self.jump_sd * self.jump_sd / 2.0).exp_m1();
        Parameters {
            delta: self.delta,
            drift: self.drift - self.jump_rate * k,
            volatility_mean: self.volatility_mean,
            volatility_sd: self.volatility_sd,
            jump_rate: self.jump_rate * self.delta,
            jump_mean: self.jump_mean,
            jump_sd: self.jump_sd,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha12Rng;

    use super::super::merton::Path;
    use super::*;

    const YEARS: usize = 30;
    const SHARES: u64 = 2000;

    /// The growth of the logarithm of the price per year, of many shares.
    fn growth(daily: &Daily) -> Vec<f64> {
        let diffusion = daily.diffusion();
        let share = |number| {
            let mut random = ChaCha12Rng::seed_from_u64(3);
            random.set_stream(number);
            let mut path = Path::start(&diffusion, &mut random);
            let first = path.price();
            (0..YEARS * 252).for_each(|_| path.advance(1.0, &mut random));
            (path.price() / first).ln() / YEARS as f64
        };
        (0..SHARES).map(share).collect()
    }

    #[test]
    fn prices_grow_as_the_options_say() {
        let daily = Daily { volatility_sd: 0.0, ..DEFAULTS };
        let growth = growth(&daily);
        let k = 0.2_f64.exp_m1();
        // Of the logarithm: half the variance less than the expected price, and its jumps are jump_mean, not k.
        let expected = 0.058 - 0.3 * 0.3 / 2.0 - 0.8 * (k - 0.2);
        let variance = (0.3 * 0.3 + 0.8 * 0.2 * 0.2) / YEARS as f64;
        let mean = growth.iter().sum::<f64>() / SHARES as f64;
        assert!((mean - expected).abs() < 4.0 * (variance / SHARES as f64).sqrt(), "{mean} {expected}");
    }

    #[test]
    fn nobody_becomes_richer_than_the_world() {
        let richest = growth(&DEFAULTS).into_iter().fold(f64::MIN, f64::max);
        // A year's factor of 1.28, thirty years in a row.
        assert!(richest < 0.25, "{richest}");
    }
}
