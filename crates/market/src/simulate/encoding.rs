//! The encoding of trades as messages.

use tally_postgres::Failure;
use tally_rows::config::RegistryConfig;
use tally_rows::registry::register;

use super::trade::Trade;

/// The schema of a trade in Avro.
const SCHEMA: &str = r#"{"type": "record", "name": "trade", "fields": [
    {"name": "exchange", "type": "string"}, {"name": "symbol", "type": "string"},
    {"name": "price", "type": "double"}, {"name": "size", "type": "double"},
    {"name": "taker_side", "type": "string"}, {"name": "trade_id", "type": "string"},
    {"name": "event_timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "atom_timestamp", "type": "long"}]}"#;

/// The form of the messages.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    /// A JSON object.
    Json,
    /// Avro in Confluent's framing, with this schema.
    Avro(u32),
}

impl Encoding {
    /// Registers the schema of trades for a topic, and returns the encoding with it.
    pub fn avro(registry: &RegistryConfig, topic: &str) -> Result<Self, Failure> {
        register(registry, &format!("{topic}-value"), SCHEMA).map(Self::Avro)
    }

    /// The body of a trade's message.
    pub fn encode(self, trade: &Trade) -> Vec<u8> {
        match self {
            Self::Json => trade.json(),
            Self::Avro(schema) => avro(schema, trade),
        }
    }
}

/// Begins a message that claims to have this schema.
pub fn framed(schema: u32) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(schema.to_be_bytes());
    message
}

fn avro(schema: u32, trade: &Trade) -> Vec<u8> {
    let mut out = framed(schema);
    text(trade.exchange, &mut out);
    text(trade.symbol, &mut out);
    out.extend(trade.price.to_le_bytes());
    out.extend(trade.size.to_le_bytes());
    text(trade.taker_side, &mut out);
    text(&trade.trade_id, &mut out);
    long(trade.event_timestamp, &mut out);
    long(trade.atom_timestamp, &mut out);
    out
}

fn text(text: &str, out: &mut Vec<u8>) {
    long(text.len() as i64, out); // names are short
    out.extend(text.as_bytes());
}

/// Appends a number in Avro's form: seven bits per byte, the lowest first, the sign in the lowest bit.
fn long(number: i64, out: &mut Vec<u8>) {
    let mut bits = ((number << 1) ^ (number >> 63)) as u64;
    while bits > 0x7f {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use apache_avro::reader::datum::GenericDatumReader;
    use apache_avro::types::Value;
    use apache_avro::Schema;

    #[test]
    fn others_can_read_it() {
        let trade = Trade {
            exchange: "bybit",
            symbol: "BTC.USDT",
            price: 19400.1,
            size: 0.0015,
            taker_side: "buy",
            trade_id: "428000001".into(),
            event_timestamp: -1,
            atom_timestamp: i64::MAX,
        };
        let message = Encoding::Avro(7).encode(&trade);
        assert_eq!(&message[..5], [0, 0, 0, 0, 7]);
        let schema = Schema::parse_str(SCHEMA).unwrap();
        let reader = GenericDatumReader::builder(&schema).build().unwrap();
        let Value::Record(fields) = reader.read_value(&mut &message[5..]).unwrap() else { panic!() };
        assert_eq!(fields[2].1, Value::Double(19400.1));
        assert_eq!(fields[5].1, Value::String("428000001".into()));
        assert_eq!((&fields[6].1, &fields[7].1), (&Value::TimestampMillis(-1), &Value::Long(i64::MAX)));
    }
}
