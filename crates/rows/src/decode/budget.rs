//! Limits on decoding one message: a few bytes can stand for any number of items, and for any amount of text.

use super::{sqlstate, Reject};

/// Number of decoded bytes that every message may have, however short it is, since an Avro message does not contain the
/// names of its fields.
const BYTES: usize = 16 << 20;

/// Number of decoded bytes for each byte of a message; text written as JSON grows by no more.
const GROWTH: usize = 6;

/// The items and bytes that are left for a message.
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

    /// Spends the items of a block. A message may have at most as many items as bytes, since items can take no bytes at
    /// all.
    pub fn spend_items(&mut self, count: i64) -> Result<usize, Reject> {
        let count = usize::try_from(count).ok().filter(|count| *count <= self.items);
        let count = count.ok_or_else(|| {
            Reject::new(sqlstate::BAD_BINARY, "arrays and maps have more items than the message has bytes")
        })?;
        self.items -= count;
        Ok(count)
    }

    /// Spends bytes of the decoded message.
    pub fn spend_bytes(&mut self, count: usize) -> Result<(), Reject> {
        self.bytes = self.bytes.checked_sub(count).ok_or_else(|| {
            Reject::new(sqlstate::TOO_LARGE, "the decoded message is many times as long as the message")
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
