//! Reading Avro's binary form.

use crate::decode::{sqlstate, Reject};

/// What is left of a message.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Reject> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next bytes, of a number that is known.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Reject> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A whole number: seven bits a byte, the lowest first, the sign in the lowest bit.
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

    /// A whole number of 32 bits.
    pub fn int(&mut self) -> Result<i32, Reject> {
        let long = self.long()?;
        long.try_into()
            .map_err(|_| Reject::new(sqlstate::BAD_BINARY, format!("{long} where the schema has an int")))
    }

    /// Bytes with their length in front.
    pub fn bytes(&mut self) -> Result<&'a [u8], Reject> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| truncated())?)
    }

    /// Text with its length in front.
    pub fn text(&mut self) -> Result<&'a str, Reject> {
        std::str::from_utf8(self.bytes()?)
            .map_err(|e| Reject::new(sqlstate::BAD_CHARACTER, format!("a string is not UTF-8: {e}")))
    }

    /// The number of items of the next block of an array or map; zero after the last.
    ///
    /// Items of no bytes at all must not keep anyone busy: no message has more of them than its limit.
    pub fn block(&mut self, most: usize) -> Result<usize, Reject> {
        let mut count = self.long()?;
        if count < 0 {
            self.long()?; // the size in bytes, for those who skip it
            count = count.checked_neg().ok_or_else(truncated)?;
        }
        match usize::try_from(count) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(Reject::new(sqlstate::BAD_BINARY, format!("a block of {count} items"))),
        }
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
            assert_eq!(Cursor(bytes).long(), Ok(expected), "{bytes:?}");
        }
        assert!(Cursor(&[0xff; 11]).long().is_err());
        assert!(Cursor(&[0x80]).long().is_err());
        assert!(Cursor(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0x01]).int().is_err());
    }

    #[test]
    fn lengths_are_not_believed() {
        assert!(Cursor(&[0x09, 1]).bytes().is_err(), "a negative length");
        assert!(Cursor(&[0xfe, 0xff, 0xff, 0xff, 0x0f]).bytes().is_err(), "a length beyond the end");
        assert!(Cursor(&[0xfe, 0xff, 0xff, 0xff, 0x0f]).block(1000).is_err());
        assert_eq!(Cursor(&[0x03, 0x08]).block(1000).unwrap(), 2, "a block with its size in bytes");
    }
}
