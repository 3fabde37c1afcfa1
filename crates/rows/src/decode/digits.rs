//! The number of digits that numbers have.

/// The digits of decimal numbers before and after the point, at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digits {
    /// Before the point.
    pub whole: u16,
    /// After the point.
    pub fraction: u16,
    /// Whether there is a number that is written in another way, such as with an exponent.
    pub is_open: bool,
}

impl Digits {
    /// Takes a number into account, whatever the sign between its whole and its fraction.
    pub fn note(&mut self, number: &[u8]) {
        let number = number.strip_prefix(b"-").unwrap_or(number);
        let mut halves = number.splitn(2, |byte| matches!(byte, b'.' | b','));
        let count = |half: Option<&[u8]>| match half.unwrap_or_default() {
            half if half.iter().all(u8::is_ascii_digit) => u16::try_from(half.len()).ok(),
            _ => None,
        };
        match (count(halves.next()), count(halves.next())) {
            (Some(whole), Some(fraction)) => {
                self.whole = self.whole.max(whole);
                self.fraction = self.fraction.max(fraction);
            }
            _ => self.is_open = true,
        }
    }

    /// Adds the digits of other numbers.
    pub fn merge(&mut self, other: &Self) {
        self.whole = self.whole.max(other.whole);
        self.fraction = self.fraction.max(other.fraction);
        self.is_open |= other.is_open;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_digits_count() {
        let mut digits = Digits::default();
        for number in ["-12", "1.250", "0,5", ".5"] {
            digits.note(number.as_bytes());
        }
        assert_eq!(digits, Digits { whole: 2, fraction: 3, is_open: false });
        digits.note(b"1e5");
        assert!(digits.is_open);
    }
}
