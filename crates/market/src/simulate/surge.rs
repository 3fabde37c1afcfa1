//! A change for detection to find: from some time on, the trades of one series are larger.

use std::str::FromStr;

use super::quantity::{not_negative, positive};

/// A surge: series, days until it begins, and factor, as in `DOT.USDT:4.25:1.5`.
#[derive(Clone, Debug, PartialEq)]
pub struct Surge {
    /// The symbol of the series.
    pub symbol: String,
    /// Days of market time until it begins.
    pub day: f64,
    /// The factor of the sizes of later trades.
    pub factor: f64,
}

impl FromStr for Surge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split(':').collect();
        let [symbol, day, factor] = parts[..] else {
            return Err("expected SYMBOL:DAY:FACTOR".into());
        };
        Ok(Self { symbol: symbol.into(), day: not_negative(day)?, factor: positive(factor)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_are_read() {
        let surge = Surge { symbol: "DOT.USDT".into(), day: 4.25, factor: 1.5 };
        assert_eq!("DOT.USDT:4.25:1.5".parse(), Ok(surge));
        for wrong in ["DOT.USDT", "DOT.USDT:1", "DOT.USDT:-1:2", "DOT.USDT:1:0", "DOT.USDT:1:2:3"] {
            assert!(wrong.parse::<Surge>().is_err(), "{wrong}");
        }
    }
}
