//! A market: many series that trade on one clock.

use super::merton::{Parameters, Path};
use super::surge::Surge;
use super::trade::Trade;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::weighted::WeightedIndex;
use rand_distr::{Bernoulli, Distribution, Exp, Exp1};

const EXCHANGES: [&str; 5] = ["binance", "bybit", "coinbase", "kraken", "okx"];
const ASSETS: [&str; 20] = [
    "BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "DOT", "LTC", "BCH", "LINK", "AVAX", "ATOM", "UNI", "XLM",
    "ETC", "FIL", "NEAR", "ALGO", "AAVE", "TRX",
];
/// The average time that a trade takes from its exchange to the collector.
const MEAN_DELAY_MICROS: f64 = 40_000.0;
const DAY_MICROS: f64 = 86_400e6;

/// The market's hours and pace.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Microseconds since 1970 at which the market opens.
    pub start_micros: i64,
    /// Trades per second of market time, of all series together, as a Poisson process.
    pub trades_per_second: f64,
    /// Microseconds of market time per step of the price model.
    pub step_micros: f64,
}

/// An endless sequence of trades, the same for the same seed.
pub struct Market {
    rng: ChaCha12Rng,
    now_micros: i64,
    step_micros: f64,
    gap_micros: Exp<f64>,
    next: WeightedIndex<f64>,
    buys: Bernoulli,
    series: Vec<Series>,
}

struct Series {
    exchange: &'static str,
    symbol: String,
    path: Path,
    ticks_per_unit: f64,
    traded_micros: i64,
    trades: u64,
    /// The time from which trades are larger, and the factor.
    surge: Option<(i64, f64)>,
}

impl Market {
    /// Opens a market of `symbols` series, at least one.
    ///
    /// # Panics
    /// If there is no series, the clock stands still, or a parameter is outside the range of its option.
    pub fn open(seed: u64, symbols: u32, parameters: &Parameters, clock: Clock) -> Self {
        let mut rng = generator(seed);
        let series: Vec<_> = (0..symbols as usize)
            .map(|i| Series::list(i, parameters, clock.start_micros, &mut rng))
            .collect();
        // A few series trade often, most trade rarely.
        let activity = (1..=symbols).map(|rank| 1.0 / f64::from(rank).sqrt());
        Self {
            rng,
            now_micros: clock.start_micros,
            step_micros: clock.step_micros,
            gap_micros: Exp::new(clock.trades_per_second / 1e6).expect("a rate above zero"),
            next: WeightedIndex::new(activity).expect("at least one series"),
            buys: Bernoulli::new(0.5).expect("a probability"),
            series,
        }
    }

    /// Makes the trades of a series larger from a time on; fails if there is no such series.
    pub fn surge(&mut self, surge: &Surge) -> Result<(), String> {
        let begins = self.now_micros.saturating_add((surge.day * DAY_MICROS) as i64);
        let mut surging = self.series.iter_mut().filter(|series| series.symbol == surge.symbol).peekable();
        if surging.peek().is_none() {
            return Err(format!("no series {}", surge.symbol));
        }
        surging.for_each(|series| series.surge = Some((begins, surge.factor)));
        Ok(())
    }

    /// The next trade.
    pub fn trade(&mut self) -> Trade<'_> {
        let rng = &mut self.rng;
        self.now_micros = self.now_micros.saturating_add(self.gap_micros.sample(rng) as i64);
        let series = &mut self.series[self.next.sample(rng)];
        let steps = (self.now_micros - series.traded_micros) as f64 / self.step_micros;
        series.path.advance(steps, rng);
        series.traded_micros = self.now_micros;
        series.trades += 1;
        let delay: f64 = Exp1.sample(rng);
        let size: f64 = Exp1.sample(rng);
        let size = size * series.size_factor(self.now_micros);
        Trade {
            exchange: series.exchange,
            symbol: &series.symbol,
            price: series.quoted(),
            size: ((size * 1e4).ceil() / 1e4).max(1e-4),
            taker_side: if self.buys.sample(rng) { "buy" } else { "sell" },
            trade_id: series.trades.to_string(),
            event_timestamp: self.now_micros / 1000,
            atom_timestamp: self.now_micros.saturating_add((delay * MEAN_DELAY_MICROS) as i64),
        }
    }
}

impl Series {
    fn list(i: usize, parameters: &Parameters, start_micros: i64, rng: &mut ChaCha12Rng) -> Self {
        let path = Path::start(parameters, rng);
        Self {
            exchange: EXCHANGES[i % EXCHANGES.len()],
            symbol: symbol(i),
            // Five significant digits at the first price, and at least two decimals.
            ticks_per_unit: 10_f64.powf((4.0 - path.price().log10().floor()).max(2.0)),
            path,
            traded_micros: start_micros,
            trades: 0,
            surge: None,
        }
    }

    fn size_factor(&self, micros: i64) -> f64 {
        self.surge.filter(|(begins, _)| micros >= *begins).map_or(1.0, |(_, factor)| factor)
    }

    /// The price to the nearest tick: never zero, and never more ticks than a double can count.
    fn quoted(&self) -> f64 {
        (self.path.price() * self.ticks_per_unit).round().clamp(1.0, 9e15) / self.ticks_per_unit
    }
}

/// The symbol of the series with this number.
pub fn symbol(i: usize) -> String {
    ASSETS.get(i).map_or_else(|| format!("T{i}.USDT"), |asset| format!("{asset}.USDT"))
}

/// Returns the random numbers of a seed. ChaCha is fixed by its definition, so that a seed stands for the same market
/// on every machine and with every version of the libraries.
pub fn generator(seed: u64) -> ChaCha12Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    ChaCha12Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::merton::DEFAULTS;
    use approx::assert_abs_diff_eq;
    use std::collections::HashMap;

    const CLOCK: Clock =
        Clock { start_micros: 1_767_225_600_000_000, trades_per_second: 2.0, step_micros: DAY_MICROS };

    fn messages(seed: u64, n: usize) -> Vec<Vec<u8>> {
        let mut market = Market::open(seed, 20, &DEFAULTS, CLOCK);
        (0..n).map(|_| market.trade().json()).collect()
    }

    #[test]
    fn a_seed_gives_the_same_bytes_and_another_seed_others() {
        assert_eq!(messages(1, 5000), messages(1, 5000));
        assert_ne!(messages(1, 10), messages(2, 10));
        // Written down, so that a new version of a library cannot change the market of a seed.
        let first = String::from_utf8(messages(1, 1).remove(0)).unwrap();
        let expected = concat!(
            r#"{"exchange":"binance","symbol":"BTC.USDT","price":34.993,"size":3.4237,"taker_side":"buy","#,
            r#""trade_id":"1","event_timestamp":1767225600486,"atom_timestamp":1767225600489402}"#
        );
        assert_eq!(first, expected);
    }

    #[test]
    fn trades_of_a_series_are_numbered_and_ordered_and_look_like_a_market() {
        let n = 100_000;
        let mut market = Market::open(3, 20, &DEFAULTS, CLOCK);
        let (mut last, mut counts) = (CLOCK.start_micros / 1000, HashMap::new());
        for _ in 0..n {
            let trade = market.trade();
            assert!(trade.event_timestamp >= last);
            assert!(trade.atom_timestamp / 1000 >= trade.event_timestamp);
            last = trade.event_timestamp;
            let (count, first) = counts.entry(trade.key()).or_insert((0, trade.price));
            *count += 1;
            assert_eq!(trade.trade_id, count.to_string());
            assert!(trade.size > 0.0 && trade.price > *first / 3.0 && trade.price < *first * 3.0);
        }
        assert_eq!(counts.len(), 20);
        // The Poisson clock: n gaps of half a second, 4.5 standard errors.
        let seconds = (last * 1000 - CLOCK.start_micros) as f64 / 1e6;
        let expected = n as f64 / CLOCK.trades_per_second;
        assert_abs_diff_eq!(seconds, expected, epsilon = 4.5 * expected / (n as f64).sqrt());
    }

    #[test]
    fn a_surge_changes_nothing_but_later_sizes_of_its_series() {
        let (mut plain, mut surging) =
            (Market::open(4, 20, &DEFAULTS, CLOCK), Market::open(4, 20, &DEFAULTS, CLOCK));
        surging.surge(&Surge { symbol: "ETH.USDT".into(), day: 0.1, factor: 3.0 }).unwrap();
        let begins = CLOCK.start_micros / 1000 + 8_640_000;
        let mut larger = 0;
        for _ in 0..50_000 {
            let (before, after) = (plain.trade(), surging.trade());
            if after.symbol == "ETH.USDT" && after.event_timestamp >= begins {
                // Both are rounded up to four decimals.
                assert_abs_diff_eq!(after.size, 3.0 * before.size, epsilon = 4e-4);
                larger += 1;
            } else {
                assert_eq!(before.json(), after.json());
            }
        }
        assert!(larger > 1000);
        assert!(surging.surge(&Surge { symbol: "NONE".into(), day: 0.0, factor: 2.0 }).is_err());
    }

    #[test]
    fn the_market_has_as_many_series_as_asked_for() {
        let mut market = Market::open(3, 50, &DEFAULTS, CLOCK);
        let keys: std::collections::HashSet<_> = (0..20_000).map(|_| market.trade().key()).collect();
        assert_eq!(keys.len(), 50);
        assert!(keys.contains("binance_BTC.USDT") && keys.contains("bybit_ETH.USDT"));
    }
}
