//! Messages that a loader cannot store, mixed into the stream to test it.

use super::encoding::{framed, Encoding};
use super::market::generator;
use super::trade::Trade;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Bernoulli, Distribution, Uniform};
use serde_json::{json, Value};

/// The defect of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The message is truncated.
    Broken,
    /// The price is text and not a number; in Avro, the schema is unknown.
    WrongType,
    /// The message has no value at all.
    NullValue,
    /// The price is missing; in Avro, everything after the first field.
    MissingField,
}

impl Defect {
    /// All defects, in the order in which they are counted.
    pub const ALL: [Self; 4] = [Self::Broken, Self::WrongType, Self::NullValue, Self::MissingField];

    /// A few words for the report.
    pub fn label(self) -> &'static str {
        match self {
            Self::Broken => "truncated",
            Self::WrongType => "of a wrong type",
            Self::NullValue => "null",
            Self::MissingField => "without a field",
        }
    }

    /// The body of a trade's message, spoiled; `None` is Kafka's null value.
    pub fn spoil(self, trade: &Trade, encoding: Encoding) -> Option<Vec<u8>> {
        let mut body = encoding.encode(trade);
        match (self, encoding) {
            (Self::NullValue, _) => return None,
            (Self::Broken, _) => body.truncate(body.len() / 2),
            (Self::WrongType, Encoding::Avro(_)) => body.splice(..FRAME, framed(u32::MAX)).for_each(drop),
            (Self::MissingField, Encoding::Avro(_)) => body.truncate(FRAME + 1 + trade.exchange.len()),
            (_, Encoding::Json) => {
                let mut fields: Value = serde_json::from_slice(&body).expect("our own JSON");
                if self == Self::WrongType {
                    fields["price"] = json!("not a price");
                } else {
                    fields.as_object_mut().expect("our own object").remove("price");
                }
                body = fields.to_string().into_bytes();
            }
        }
        Some(body)
    }
}

/// Length of the header in front of a value in Avro.
const FRAME: usize = 5;

/// Decides which messages to spoil, and how. Has its own random numbers, so that the trades around spoiled messages do
/// not depend on the share.
pub struct Poison {
    rng: ChaCha12Rng,
    chosen: Bernoulli,
    which: Uniform<usize>,
}

impl Poison {
    /// Prepares to spoil a share of the messages.
    ///
    /// # Panics
    /// If the share is not between 0 and 1.
    pub fn new(seed: u64, share: f64) -> Self {
        let mut rng = generator(seed);
        rng.set_stream(1);
        let which = Uniform::new(0, Defect::ALL.len()).expect("a range");
        Self { rng, chosen: Bernoulli::new(share).expect("a share"), which }
    }

    /// The defect of the next message, if it is to have one.
    pub fn next(&mut self) -> Option<Defect> {
        self.chosen.sample(&mut self.rng).then(|| Defect::ALL[self.which.sample(&mut self.rng)])
    }
}
