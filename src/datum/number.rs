//! Numbers of more than 53 bits, as sums of two doubles.

use crate::pg::server::error::raise;
use pgrx::{AnyNumeric, PgSqlErrorCode};
use tally_stats::{split_decimal, split_short, whole_units};

/// Bits of the header of a numeric as it is stored: a short one, or one that is no finite number; of the sign, the digits
/// after the point and the weight in a short one, and in a long one.
const SHORT: u16 = 0x8000;
const SPECIAL: u16 = 0xC000;
const SHORT_NEGATIVE: u16 = 0x2000;
const SHORT_SCALE: (u16, u32) = (0x1F80, 7);
const SHORT_WEIGHT: (u16, u16) = (0x003F, 0x0040);
const NEGATIVE: u16 = 0x4000;
const SCALE: u16 = 0x3FFF;

/// Splits a numeric of few digits, given as it is stored, as [`split_numeric`] does; none if it has many, or is no number.
#[inline]
pub fn split_stored(bytes: &[u8]) -> Option<(f64, f64)> {
    let word = |pair: &[u8; 2]| u16::from_ne_bytes(*pair);
    let (header, rest) = bytes.split_first_chunk().map(|(pair, rest)| (word(pair), rest))?;
    let (is_negative, scale, weight, digits) = match header & SPECIAL {
        SPECIAL => return None,
        SHORT => {
            let (mask, sign) = SHORT_WEIGHT;
            let weight = i32::from(header & mask) - i32::from(header & sign);
            (header & SHORT_NEGATIVE != 0, (header & SHORT_SCALE.0) >> SHORT_SCALE.1, weight, rest)
        }
        sign => {
            let (weight, digits) = rest.split_first_chunk().map(|(pair, rest)| (word(pair), rest))?;
            (sign == NEGATIVE, header & SCALE, i32::from(weight as i16), digits)
        }
    };
    let (digits, _) = digits.as_chunks::<2>();
    let unscaled = whole_units(digits.iter().map(word), weight, scale.into())?;
    split_short(if is_negative { -unscaled } else { unscaled }, scale.into())
}

/// Splits a numeric into `hi + lo`, which holds about 100 bits.
pub fn split_numeric(x: AnyNumeric) -> (f64, f64) {
    let text = x.to_string();
    split_decimal(&text).unwrap_or_else(|| {
        raise(
            PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
            "numeric value is out of range for type tally",
            format!("The value begins with {:.20} and has {} characters.", text, text.len()),
            "A tally holds what double precision holds, up to about 1.8e308.",
        )
    })
}
