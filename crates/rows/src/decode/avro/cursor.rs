//! A reader of Avro's binary form.

use crate::decode::budget::Budget;
use crate::decode::{sqlstate, Reject};

/// The unread rest of a message, and its remaining budget.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    budget: Budget,
}

impl<'a> Cursor<'a> {
    /// Begins at the start of a message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, budget: Budget::of(bytes.len()) }
    }

    /// Goes back to an earlier position.
    pub fn rewind(&mut self, before: &Self) {
        self.bytes = before.bytes;
        self.budget.restore_items(&before.budget);
    }

    /// Checks that nothing is left.
    pub fn end(&self) -> Result<(), Reject> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(Reject::new(sqlstate::BAD_BINARY, format!("{left} bytes are left after the value"))),
        }
    }

    /// Counts bytes of the decoded message against the budget.
    pub fn spend_bytes(&mut self, count: usize) -> Result<(), Reject> {
        self.budget.spend_bytes(count)
    }

    /// Reads this many bytes.
    pub fn take_bytes(&mut self, count: usize) -> Result<&'a [u8], Reject> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Reads a known number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Reject> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or_else(truncated)?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// Reads a whole number: seven bits per byte, the lowest first, the sign in the lowest bit.
    pub fn long(&mut self) -> Result<i64, Reject> {
        let mut bits = 0u64;
        for place in 0..10 {
            let [byte] = self.array()?;
            let part = u64::from(byte & 0x7f);
            if place == 9 && part > 1 {
                break;
            }
            bits |= part << (7 * place);
            if byte & 0x80 == 0 {
                return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        Err(Reject::new(sqlstate::BAD_BINARY, "a whole number has more than 64 bits"))
    }

    /// Reads a whole number of 32 bits.
    pub fn int(&mut self) -> Result<i32, Reject> {
        let long = self.long()?;
        long.try_into()
            .map_err(|_| Reject::new(sqlstate::BAD_BINARY, format!("{long} where the schema has an int")))
    }

    /// Reads bytes preceded by their length.
    pub fn bytes(&mut self) -> Result<&'a [u8], Reject> {
        let length = self.long()?;
        self.take_bytes(usize::try_from(length).map_err(|_| truncated())?)
    }

    /// Reads text preceded by its length.
    pub fn text(&mut self) -> Result<&'a str, Reject> {
        std::str::from_utf8(self.bytes()?)
            .map_err(|e| Reject::new(sqlstate::BAD_CHARACTER, format!("string is not UTF-8: {e}")))
    }

    /// Reads the number of items of the next block of an array or map; zero after the last.
    pub fn block(&mut self) -> Result<usize, Reject> {
        let mut count = self.long()?;
        if count < 0 {
            self.long()?; // the size of the block in bytes, for readers that skip it
            count = count.checked_neg().ok_or_else(truncated)?;
        }
        self.budget.spend_items(count)
    }
}

fn truncated() -> Reject {
    Reject::new(sqlstate::BAD_BINARY, "the message ends before its schema does")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (bytes, expected) in [
            (&[0u8][..], 0),
            (&[1], -1),
            (&[2], 1),
            (&[0x7f], -64),
            (&[0x80, 0x01], 64),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MIN),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MAX),
        ] {
            assert_eq!(Cursor::new(bytes).long(), Ok(expected), "{bytes:?}");
        }
        assert!(Cursor::new(&[0xff; 11]).long().is_err());
        assert!(Cursor::new(&[0x80]).long().is_err());
        assert!(Cursor::new(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0x01]).int().is_err());
    }

    #[test]
    fn lengths_are_not_believed() {
        assert!(Cursor::new(&[0x09, 1]).bytes().is_err(), "a negative length");
        assert!(Cursor::new(&[0xfe, 0xff, 0xff, 0xff, 0x0f]).bytes().is_err(), "a length beyond the end");
        assert!(Cursor::new(&[0xfe, 0xff, 0xff, 0xff, 0x0f]).block().is_err());
        assert_eq!(Cursor::new(&[0x03, 0x08]).block().unwrap(), 2, "a block with its size in bytes");
        let mut two_blocks = Cursor::new(&[0x04, 0x02]);
        assert_eq!(two_blocks.block(), Ok(2));
        assert!(two_blocks.block().is_err(), "together they have more items than the message has bytes");
    }
}
