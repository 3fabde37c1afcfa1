//! Integers and decimals in two doubles, so that more than 53 bits of them reach a sum.

use crate::dd::Dd;
use std::cmp::Ordering;

/// The number of decimal digits that always fit into a 127-bit integer.
const DIGITS: usize = 38;

/// A 64-bit integer as `hi + lo`, exactly.
#[inline(always)]
pub fn split_integer(x: i64) -> (f64, f64) {
    let hi = x as f64;
    (hi, (i128::from(x) - hi as i128) as f64)
}

/// A decimal number (`-12.5`, `1e10`, `NaN`, `Infinity`) as `hi + lo`, about 100 bits: `hi` is the nearest double, `lo`
/// the double nearest to the remainder. `None` if the text is not a number, or a finite number is beyond the range of
/// doubles.
pub fn split_decimal(text: &str) -> Option<(f64, f64)> {
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
