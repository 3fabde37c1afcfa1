//! Numbers in single precision, without the two ways in which it loses them.
//!
//! A sum of squares that becomes 0 or infinite when it is stored is a division by 0, or by infinity, in the next row.

/// The nearest number, the greatest where there is none.
pub fn single(x: f64) -> f32 {
    x.clamp(-f64::from(f32::MAX), f64::from(f32::MAX)) as f32
}

/// The nearest positive number.
pub fn positive(x: f64) -> f32 {
    x.clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX)) as f32
}
