//! Limits on decoding one message: a few bytes can stand for any number of items, and for any length of text.

use super::{sqlstate, Reject};

/// Number of decoded bytes that every message may have, however short it is: the names of an Avro schema are not in it.
const BYTES: usize = 16 << 20;

/// Number of decoded bytes for each byte of a message; text grows by no more when it is written as JSON.
const GROWTH: usize = 6;

/// Items and bytes that are left for a message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    items: usize,
    bytes: usize,
}

impl Budget {
    /// The budget of a message of this length.
    pub fn of(length: usize) -> Self {
        Self { items: length, bytes: BYTES.saturating_add(length.saturating_mul(GROWTH)) }
    }

    /// Spends the items of a block. Items of no bytes are the reason: a message has at most as many as it has bytes.
    pub fn spend_items(&mut self, count: i64) -> Result<usize, Reject> {
        let count = usize::try_from(count).ok().filter(|count| *count <= self.items);
        let count = count.ok_or_else(|| {
            Reject::new(sqlstate::BAD_BINARY, "arrays and maps have more items than the message has bytes")
        })?;
        self.items -= count;
        Ok(count)
    }

    /// Spends bytes that the message was decoded to.
    pub fn spend_bytes(&mut self, count: usize) -> Result<(), Reject> {
        self.bytes = self.bytes.checked_sub(count).ok_or_else(|| {
            Reject::new(sqlstate::TOO_LARGE, "the message becomes many times as long as it is")
        })?;
        Ok(())
    }

    /// Refunds the items that were spent since `before`, because they are read again.
    pub fn restore_items(&mut self, before: &Self) {
        self.items = before.items;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_spent_over_all_blocks() {
        let mut budget = Budget::of(10);
        let before = budget;
        assert_eq!(budget.spend_items(6), Ok(6));
        assert_eq!(budget.spend_items(5).unwrap_err().sqlstate, sqlstate::BAD_BINARY);
        assert_eq!(budget.spend_items(-1).unwrap_err().sqlstate, sqlstate::BAD_BINARY);
        assert!(budget.spend_bytes(BYTES + 60).is_ok());
        budget.restore_items(&before);
        assert_eq!(budget.spend_items(10), Ok(10));
        assert_eq!(budget.spend_bytes(1).unwrap_err().sqlstate, sqlstate::TOO_LARGE);
    }
}
