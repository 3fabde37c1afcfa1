//! A trade, as messages hold it.

use serde::Serialize;

/// A trade in the standard form: one execution on one exchange.
#[derive(Clone, Debug, Serialize)]
pub struct Trade<'a> {
    /// The exchange, such as `bybit`.
    pub exchange: &'a str,
    /// The pair that was traded, such as `BTC.USDT`.
    pub symbol: &'a str,
    /// Price of one unit.
    pub price: f64,
    /// Units traded.
    pub size: f64,
    /// The side that took the offer: `buy` or `sell`.
    pub taker_side: &'static str,
    /// The exchange's number for the trade: here a count without gaps within the series.
    pub trade_id: String,
    /// Time of the trade, in milliseconds since 1970.
    pub event_timestamp: i64,
    /// Time at which the collector saw it, in microseconds since 1970.
    pub atom_timestamp: i64,
}

impl Trade<'_> {
    /// Returns the key of the trade's message: all trades of one series go to one partition, in order.
    pub fn key(&self) -> String {
        format!("{}_{}", self.exchange, self.symbol)
    }

    /// Returns the body of the trade's message.
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a trade has only text and numbers")
    }
}
