//! A number in two bytes, for what is only reported: three significant digits, the range of single precision.

use serde::{Deserialize, Serialize};

/// The upper half of a single-precision number, rounded to nearest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief([u8; 2]);

impl Brief {
    pub fn new(x: f64) -> Brief {
        let bits = (x as f32).clamp(-3e38, 3e38).to_bits();
        Brief((((bits + 0x8000) >> 16) as u16).to_be_bytes())
    }

    pub fn get(self) -> f64 {
        f64::from(f32::from_bits(u32::from(u16::from_be_bytes(self.0)) << 16))
    }
}
