//! Quotients of integers by a numeric: whether PostgreSQL rounds them, and how many digits it shows.
//!
//! The digits of each quotient depend on the first ones of dividend and divisor (`select_div_scale` in numeric.c): the closer a
//! dividend is to zero, the more there are. A sum has as many as the longest of its terms.

/// A numeric of which the reciprocal has an end.
#[derive(Clone, Copy, Debug)]
pub struct Divisor {
    /// The digits after the point of the reciprocal.
    places: u32,
    /// The digits after the point of the number itself.
    scale: u32,
    leading: Leading,
}

/// The first digit of a number that is not 0, and its weight, both to the base of 10,000.
#[derive(Clone, Copy, Debug)]
struct Leading {
    digit: u32,
    weight: i32,
}

/// The digits after the point of some quotients, which are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotientDigits {
    /// The number of those that may be other than 0.
    pub needed: u32,
    /// The number of those that PostgreSQL shows of the longest.
    pub shown: u32,
}

/// The decimal digits of one to the base of 10,000.
const GROUP: i32 = 4;

impl Divisor {
    /// The number with this text; None if its reciprocal has no end, or there is none.
    pub fn of(text: &str) -> Option<Divisor> {
        let unsigned = text.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let scale = fraction.len() as u32;
        let mut rest: u128 = [whole, fraction].concat().parse().ok().filter(|&digits| digits != 0)?;
        let leading = Leading::of(&rest.to_string(), scale);
        let twos = rest.trailing_zeros();
        rest >>= twos;
        let mut fives = 0;
        while rest.is_multiple_of(5) {
            rest /= 5;
            fives += 1;
        }
        let places = twos.max(fives).saturating_sub(scale);
        (rest == 1).then_some(Divisor { places, scale, leading })
    }

    /// The digits of the quotients of integers from the least to the greatest, which are among them; None if not all quotients are exact, or
    /// it is not certain how long the longest is.
    pub fn digits(&self, least: i64, greatest: i64) -> Option<QuotientDigits> {
        let [one, other] = [least, greatest].map(|dividend| self.shown(dividend.unsigned_abs()));
        let shown = one.max(other);
        // Zero has as many as one.
        let is_certain = least >= 0 || greatest <= 0 || shown == self.shown(1);
        (is_certain && self.places <= one.min(other)).then_some(QuotientDigits { needed: self.places, shown })
    }

    /// The digits after the point that PostgreSQL computes of the quotient of an integer of this magnitude.
    fn shown(&self, dividend: u64) -> u32 {
        const SIGNIFICANT: i32 = 16;
        const MOST: i32 = 1000;
        let dividend = match dividend {
            0 => Leading { digit: 0, weight: 0 },
            other => Leading::of(&other.to_string(), 0),
        };
        let is_less = dividend.digit <= self.leading.digit;
        let weight = dividend.weight - self.leading.weight - i32::from(is_less);
        (SIGNIFICANT - weight * GROUP).max(self.scale as i32).clamp(0, MOST) as u32
    }
}

impl Leading {
    /// Reads a number with these digits, of which the first is not 0 and this many are behind the point.
    fn of(digits: &str, scale: u32) -> Leading {
        let exponent = digits.len() as i32 - 1 - scale as i32;
        let length = exponent.rem_euclid(GROUP) as usize + 1;
        let first = digits.bytes().chain(std::iter::repeat(b'0')).take(length);
        let digit = first.fold(0, |digit, next| digit * 10 + u32::from(next - b'0'));
        Leading { digit, weight: exponent.div_euclid(GROUP) }
    }
}
