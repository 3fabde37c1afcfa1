//! Messages that a loader cannot store, mixed into the stream to test it.

use super::market::generator;
use super::trade::Trade;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Bernoulli, Distribution, Uniform};
use serde_json::{json, Value};

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The text breaks off in the middle.
    NotJson,
    /// The price is text that is no number.
    WrongType,
    /// The message has no value at all.
    NullValue,
    /// There is no price.
    MissingField,
}

impl Defect {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 4] = [Self::NotJson, Self::WrongType, Self::NullValue, Self::MissingField];

    /// A few words for the report.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotJson => "not JSON",
            Self::WrongType => "of a wrong type",
            Self::NullValue => "null",
            Self::MissingField => "without a field",
        }
    }

    /// The body of a trade's message, spoiled; `None` is Kafka's null value.
    pub fn spoil(self, trade: &Trade) -> Option<Vec<u8>> {
        let mut body = trade.json();
        let mut fields: Value = serde_json::from_slice(&body).expect("our own JSON");
        match self {
            Self::NullValue => return None,
            Self::NotJson => {
                body.truncate(body.len() / 2);
                return Some(body);
            }
            Self::WrongType => fields["price"] = json!("not a price"),
            Self::MissingField => {
                fields.as_object_mut().expect("our own object").remove("price");
            }
        }
        Some(fields.to_string().into_bytes())
    }
}

/// Decides which messages to spoil, and how. Its random numbers are its own, so that the trades around the spoiled
/// ones stay the same whatever the share.
pub struct Poison {
    rng: ChaCha12Rng,
    chosen: Bernoulli,
    which: Uniform<usize>,
}

impl Poison {
    /// Spoils a share of the messages.
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
