//! Integers and decimals in two doubles, so that more than 53 bits of them reach a sum.

use crate::dd::Dd;
use std::cmp::Ordering;

/// The number of decimal digits that always fit into a 127-bit integer.
const DIGITS: usize = 38;

/// Integers up to here are doubles.
const EXACT: u64 = 1 << 53;

/// The length of a number whose digits always fit into a 64-bit integer.
const SHORT: usize = 18;

/// The number of digits of base 10000 that are always less than 2^54.
const MOST_GROUPS: usize = 4;

/// The powers of ten that are doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// A 64-bit integer as `hi + lo`, exactly.
#[inline(always)]
pub fn split_integer(x: i64) -> (f64, f64) {
    let hi = x as f64;
    match x.unsigned_abs() <= EXACT {
        true => (hi, 0.0),
        false => (hi, (i128::from(x) - hi as i128) as f64),
    }
}

/// A number of few digits in base 10000, of which the first counts 10000^`weight`, in units of 10^-`scale`; `None` if it is
/// not a whole number of them, or if the digits or the number are too many for 64 bits.
#[inline]
pub fn whole_units(digits: impl ExactSizeIterator<Item = u16>, weight: i32, scale: u32) -> Option<i64> {
    if digits.len() > MOST_GROUPS {
        return None;
    }
    // The last digit counts this power of ten.
    let power = 4 * (weight - digits.len() as i32 + 1) + scale as i32;
    let number = digits.fold(0, |number, digit| number * 10_000 + i64::from(digit));
    let factor = 10i64.checked_pow(power.unsigned_abs())?;
    match power >= 0 {
        true => number.checked_mul(factor),
        false => (number % factor == 0).then_some(number / factor),
    }
}

/// A decimal number of few digits, `unscaled` of them with `scale` after the point, as [`split_decimal`] splits its text;
/// `None` if the digits or the power of ten are more than a double holds.
#[inline]
pub fn split_short(unscaled: i64, scale: u32) -> Option<(f64, f64)> {
    let power = Dd::from_f64(*POWERS.get(scale as usize)?);
    if unscaled.unsigned_abs() > EXACT {
        return None;
    }
    // The quotient of two numbers that are exact is the nearest double.
    let quotient = Dd::from_f64(unscaled as f64).over(power);
    let hi = unscaled as f64 / power.hi;
    Some((hi, (quotient.hi - hi) + quotient.lo))
}

/// A decimal number (`-12.5`, `1e10`, `NaN`, `Infinity`) as `hi + lo`, about 100 bits: `hi` is the nearest double, `lo`
/// the double nearest to the remainder. `None` if the text is not a number, or a finite number is beyond the range of
/// doubles.
pub fn split_decimal(text: &str) -> Option<(f64, f64)> {
    short(text).and_then(|(unscaled, scale)| split_short(unscaled, scale)).or_else(|| split_long(text))
}

/// The digits of a number as one integer, and how many of them are after the point; `None` if they are many, or if there is
/// an exponent or a zero with a sign.
fn short(text: &str) -> Option<(i64, u32)> {
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !(1..=SHORT).contains(&digits.len()) || digits == b"." {
        return None;
    }
    let (mut unscaled, mut point) = (0i64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => unscaled = unscaled * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let scale = point.map_or(0, |point| digits.len() - 1 - point) as u32;
    match (is_negative, unscaled) {
        (true, 0) => None,
        (true, _) => Some((-unscaled, scale)),
        (false, _) => Some((unscaled, scale)),
    }
}

fn split_long(text: &str) -> Option<(f64, f64)> {
    let hi: f64 = text.parse().ok()?;
    if !hi.is_finite() {
        let digits = text.bytes().any(|b| b.is_ascii_digit());
        return (!digits).then_some((hi, 0.0));
    }
    let (unsigned, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits =
        || whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit).skip_while(|&b| b == b'0');
    let mantissa = digits().take(DIGITS).fold(0i128, |m, b| m * 10 + i128::from(b - b'0'));
    let dropped = digits().count().saturating_sub(DIGITS) as i32;
    let power = exponent + dropped - fraction.len() as i32;

    let magnitude = scaled(Dd::from_i128(mantissa), power);
    let value = if text.starts_with('-') { Dd { hi: -magnitude.hi, lo: -magnitude.lo } } else { magnitude };
    let lo = (value.hi - hi) + value.lo;
    // Near the ends of the range the powers of ten lose their low words, and the double alone must do.
    Some((hi, if lo.is_finite() && lo.abs() <= hi.abs() * f64::EPSILON { lo } else { 0.0 }))
}

fn scaled(x: Dd, power: i32) -> Dd {
    let factor = power_of_ten(power.unsigned_abs());
    match power.cmp(&0) {
        Ordering::Less => x.over(factor),
        Ordering::Equal => x,
        Ordering::Greater => x.times(factor),
    }
}

/// A power of ten: exact up to 10^45, correct to about 100 bits up to 10^300.
fn power_of_ten(mut power: u32) -> Dd {
    let mut result = Dd::from_f64(1.0);
    let mut square = Dd::from_f64(10.0);
    while power > 0 {
        if power & 1 == 1 {
            result = result.times(square);
        }
        square = square.times(square);
        power >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use num_bigint::BigInt;
    use num_traits::{ToPrimitive, Zero};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn both_parts_of_a_decimal() {
        assert_eq!(split_decimal("0.1"), Some((0.1, -5.551115123125783e-18)));
        assert_eq!(split_decimal("-12345678901234567890.5"), Some((-12345678901234567168.0, -722.5)));
        assert_eq!(split_decimal("9007199254740993"), Some((9007199254740992.0, 1.0)));
        assert_eq!(split_decimal("2.50"), Some((2.5, 0.0)));
        assert_eq!(split_decimal("1e22"), Some((1e22, 0.0)));
        assert_eq!(split_decimal("0.000"), Some((0.0, 0.0)));
    }

    #[test]
    fn short_numbers_are_split_as_long_ones() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..100_000 {
            let most = 10i64.pow(random.random_range(1..=18));
            let mut digits = random.random_range(0..most).to_string();
            digits.insert(random.random_range(0..=digits.len()), '.');
            for text in [digits.clone(), format!("-{digits}"), digits.replace('.', "")] {
                assert_eq!(split_decimal(&text), split_long(&text), "{text}");
            }
        }
        for (text, of) in [("", None), ("-", None), (".", None), ("1.2.3", None), ("-0", Some((-0.0, 0.0)))] {
            assert_eq!(split_decimal(text), of, "{text:?}");
        }
        assert_eq!(split_short(-1250, 2), Some((-12.5, 0.0)));
        assert_eq!((split_short(1, 23), split_short((1 << 53) + 1, 0)), (None, None));
    }

    #[test]
    fn groups_of_digits_are_the_number_that_they_write() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let mut whole = 0;
        for _ in 0..100_000 {
            let count = random.random_range(0..=5);
            let digits: Vec<u16> =
                (0..count).map(|_| [0, 7, 5000, 9999][random.random_range(0..4)]).collect();
            let (weight, scale) = (random.random_range(-8..=8), random.random_range(0..=24));
            // In units of 10^-60, which all of these numbers are whole in.
            let units = digits.iter().zip(0..).map(|(digit, place)| {
                BigInt::from(*digit) * BigInt::from(10).pow((60 + 4 * (weight - place)) as u32)
            });
            let (sum, unit) = (units.sum::<BigInt>(), BigInt::from(10).pow(60 - scale));
            let exact = (&sum % &unit).is_zero().then(|| sum / unit).and_then(|number| number.to_i64());
            if let Some(found) = whole_units(digits.iter().copied(), weight, scale) {
                assert_eq!(Some(found), exact, "{digits:?} {weight} {scale}");
                whole += 1;
            }
        }
        assert!(whole > 20_000, "{whole}");
        assert_eq!(whole_units([12, 5000].into_iter(), 0, 2), Some(1250));
        assert_eq!(whole_units([12, 5000].into_iter(), 0, 0), None);
        assert_eq!(whole_units([1].into_iter(), i16::MAX.into(), 16383), None);
        assert_eq!(whole_units([1].into_iter(), i16::MIN.into(), 0), None);
    }

    #[test]
    fn what_is_no_double() {
        assert_eq!(split_decimal("-Infinity"), Some((f64::NEG_INFINITY, 0.0)));
        assert!(split_decimal("NaN").is_some_and(|(hi, _)| hi.is_nan()));
        assert_eq!(split_decimal(&"9".repeat(400)), None);
        assert_eq!(split_decimal("seven"), None);
    }

    #[test]
    fn hundreds_of_digits_and_the_ends_of_the_range() {
        let third = format!("0.{}", "3".repeat(500));
        let (hi, lo) = split_decimal(&third).unwrap();
        assert_eq!(hi, 1.0 / 3.0);
        assert_abs_diff_eq!(lo, 1.850371707708594e-17, epsilon = 1e-31);
        for text in ["1e308", "1e-308", "4.9e-324", "1e-400"] {
            assert_eq!(split_decimal(text).map(|(hi, _)| hi), text.parse().ok());
        }
        let long = format!("0.{}1", "0".repeat(400));
        assert_eq!(split_decimal(&long), Some((0.0, 0.0)));
    }

    #[test]
    fn integers_are_exact() {
        for x in [0, 1, -1, i64::MAX, i64::MIN, (1 << 53) + 1, i64::MAX - 511] {
            let (hi, lo) = split_integer(x);
            assert_eq!(hi as i128 + lo as i128, i128::from(x));
        }
    }
}
