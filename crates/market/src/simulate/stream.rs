//! The messages of a simulation: trades, some of them spoiled.

use super::encoding::Encoding;
use super::market::Market;
use super::poison::{Defect, Poison};

/// One message, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The series, `exchange_SYMBOL`.
    pub key: String,
    /// The body; `None` is Kafka's null value.
    pub body: Option<Vec<u8>>,
    /// The defect of the message, if it has one.
    pub defect: Option<Defect>,
}

/// An endless stream of messages.
pub struct Stream {
    market: Market,
    poison: Poison,
    encoding: Encoding,
}

impl Stream {
    /// Makes the stream of a market's trades, some of them spoiled.
    pub fn new(market: Market, poison: Poison, encoding: Encoding) -> Self {
        Self { market, poison, encoding }
    }
}

impl Iterator for Stream {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let trade = self.market.trade();
        let defect = self.poison.next();
        let body = match defect {
            Some(defect) => defect.spoil(&trade, self.encoding),
            None => Some(self.encoding.encode(&trade)),
        };
        Some(Message { key: trade.key(), body, defect })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::market::Clock;
    use crate::simulate::merton::DEFAULTS;
    use serde_json::Value;

    fn messages(share: f64, n: usize) -> Vec<Message> {
        let clock = Clock { start_micros: 0, trades_per_second: 1.0, step_micros: 86_400e6 };
        let market = Market::open(5, 20, &DEFAULTS, clock);
        Stream::new(market, Poison::new(5, share), Encoding::Json).take(n).collect()
    }

    #[test]
    fn a_message_has_the_fields_of_a_standard_trade() {
        let message = messages(0.0, 1).remove(0);
        let Value::Object(fields) = serde_json::from_slice(&message.body.unwrap()).unwrap() else {
            panic!("not an object")
        };
        let names: Vec<_> = fields.keys().map(String::as_str).collect();
        let mut expected = [
            "exchange",
            "symbol",
            "price",
            "size",
            "taker_side",
            "trade_id",
            "event_timestamp",
            "atom_timestamp",
        ];
        expected.sort_unstable();
        assert_eq!(names, expected);
        assert!(fields["price"].is_f64() && fields["size"].is_f64() && fields["trade_id"].is_string());
        assert!(fields["event_timestamp"].is_i64() && fields["atom_timestamp"].is_i64());
        let (exchange, symbol) = (fields["exchange"].as_str().unwrap(), fields["symbol"].as_str().unwrap());
        assert_eq!(message.key, format!("{exchange}_{symbol}"));
    }

    #[test]
    fn spoiled_messages_have_the_defect_they_are_counted_under() {
        let messages = messages(0.2, 20_000);
        let mut counts = [0_u32; 4];
        for message in messages {
            let body = message.body.as_deref().map(serde_json::from_slice::<Value>);
            match message.defect {
                None => assert!(body.unwrap().unwrap()["price"].is_f64()),
                Some(Defect::NullValue) => assert!(body.is_none()),
                Some(Defect::Broken) => assert!(body.unwrap().is_err()),
                Some(Defect::WrongType) => assert!(body.unwrap().unwrap()["price"].is_string()),
                Some(Defect::MissingField) => assert!(body.unwrap().unwrap().get("price").is_none()),
            }
            if let Some(defect) = message.defect {
                counts[defect as usize] += 1;
            }
        }
        // 1000 of each expected: 4.5 standard deviations are 142.
        assert!(counts.iter().all(|count| count.abs_diff(1000) < 142), "{counts:?}");
    }

    #[test]
    fn spoiling_some_messages_leaves_the_others_as_they_were() {
        let (clean, spoiled) = (messages(0.0, 5000), messages(0.1, 5000));
        let pairs = clean.iter().zip(&spoiled);
        assert!(pairs.clone().all(|(a, b)| a.key == b.key && (b.defect.is_some() || a.body == b.body)));
        assert!(spoiled.iter().any(|message| message.defect.is_some()));
    }
}
