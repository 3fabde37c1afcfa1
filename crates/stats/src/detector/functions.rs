//! Logarithm and exponential of several numbers at once.
//!
//! Only additions, multiplications and divisions as IEEE 754 defines them, and no branches: every machine gets the same
//! bits, however many numbers it computes with at once, which those of the C libraries are not; and other work goes on in
//! between.

use super::vector::Vector;
use fearless_simd::{dispatch, f64x2, Level, SimdBase};
use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// Bits of the significand, and the bias of the exponent.
const SIGNIFICAND: u32 = 52;
const BIAS: u64 = 1023;
/// A double from which on neighbours are 1 apart: a whole number below it is its lowest bits, if added.
const WHOLE: f64 = (1u64 << SIGNIFICAND) as f64;

/// A polynomial of four terms, from the constant one, in Estrin's order: its steps wait less for one another than
/// Horner's. `square` is that of `x`.
#[inline(always)]
fn cubic<V: Vector>(x: V, square: V, [a, b, c, d]: [f64; 4]) -> V {
    (x * b + a) + (x * d + c) * square
}

/// Natural logarithm of positive normal numbers, within 2e-11 of it; some number for others.
#[inline(always)]
pub fn ln<V: Vector>(x: V) -> V {
    // x = 2^k m with m between √½ and √2; ln m = 2 artanh s.
    const ROOT: u64 = (0.5 * SQRT_2).to_bits();
    const ODD: [f64; 4] = [
        0.666_666_665_544_970_9,
        0.400_001_218_398_061_24,
        0.285_508_208_159_606_65,
        0.233_304_672_163_038_35,
    ];
    let bits = x.to_bits();
    let k = (bits + ((BIAS << SIGNIFICAND) - ROOT)) >> SIGNIFICAND;
    let m = V::from_bits(bits + (BIAS << SIGNIFICAND) - (k << SIGNIFICAND));
    let k = V::from_bits(k | WHOLE.to_bits()) - (WHOLE + BIAS as f64);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    k * LN_2 + (s + s + s * z * cubic(z, z * z, ODD))
}

/// Exponentials, within 5e-12 of them; beyond the normal numbers the least, or nearly the greatest of them.
#[inline(always)]
pub fn exp<V: Vector>(x: V) -> V {
    // x = k ln 2 + r; ln 2 in two parts, the first of which leaves k times it exact.
    const FIRST: f64 = f64::from_bits(LN_2.to_bits() & !0xfff);
    const REST: f64 = 2.823_529_056_303_157_7e-13;
    const NEAREST: f64 = 1.5 * WHOLE;
    const FIRST_TERMS: [f64; 4] = [1.0, 1.0, 0.5, 0.166_666_667_190_289_36];
    const NEXT_TERMS: [f64; 4] = [
        0.041_666_666_719_012_26,
        0.008_333_298_469_800_59,
        0.001_388_885_403_566_671,
        0.000_198_992_855_758_962_82,
    ];
    const LAST_TERM: f64 = 2.485_958_983_458_905_6e-5;
    let x = x.max(-708.0).min(709.0);
    let n = x * LOG2_E + NEAREST;
    let k = n - NEAREST;
    let r = (x - k * FIRST) - k * REST;
    let scale = V::from_bits((n.to_bits() + BIAS) << SIGNIFICAND);
    let square = r * r;
    let fourth = square * square;
    let terms = cubic(r, square, FIRST_TERMS) + cubic(r, square, NEXT_TERMS) * fourth;
    scale * (terms + fourth * fourth * LAST_TERM)
}

/// Natural logarithms of two numbers, with the same bits.
#[inline]
pub fn ln_pair(x: [f64; 2]) -> [f64; 2] {
    dispatch!(Level::baseline(), simd => ln(f64x2::load_array(simd, x)).to_array())
}

/// Exponentials of two numbers, with the same bits.
#[inline]
pub fn exp_pair(x: [f64; 2]) -> [f64; 2] {
    dispatch!(Level::baseline(), simd => exp(f64x2::load_array(simd, x)).to_array())
}

/// Natural logarithm of one number, with the same bits.
#[inline]
pub fn ln_of(x: f64) -> f64 {
    ln_pair([x; 2])[0]
}

/// Exponential of one number, with the same bits.
#[inline]
pub fn exp_of(x: f64) -> f64 {
    exp_pair([x; 2])[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn they_are_those_of_the_library_within_what_they_promise() {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        for i in 0..200_000 {
            let x =
                if i % 2 == 0 { rng.random_range(0.5..2.0) } else { rng.random_range(-700.0..700f64).exp() };
            assert!((ln_of(x) - x.ln()).abs() <= 2e-11 * x.ln().abs(), "ln {x}: {}", ln_of(x));
            let x: f64 = rng.random_range(-708.0..709.0) * if i % 4 == 0 { 1e-3 } else { 1.0 };
            assert!((exp_of(x) - x.exp()).abs() <= 5e-12 * x.exp(), "exp {x}: {}", exp_of(x));
        }
        assert_eq!((ln_of(1.0), exp_of(0.0)), (0.0, 1.0));
    }

    #[test]
    fn both_numbers_of_a_pair_are_what_each_is_alone() {
        let (x, y) = (0.3, 7e100);
        assert_eq!(ln_pair([x, y]), [ln_of(x), ln_of(y)]);
        assert_eq!(exp_pair([x, -y]), [exp_of(x), exp_of(-y)]);
    }

    #[test]
    fn what_is_out_of_range_stays_a_number() {
        for x in [f64::INFINITY, f64::MAX, f64::NEG_INFINITY, f64::MIN] {
            assert!(exp_of(x).is_normal(), "exp {x}: {}", exp_of(x));
        }
        for x in [0.0, 5e-324, f64::INFINITY] {
            assert!(ln_of(x).is_finite(), "ln {x}: {}", ln_of(x));
        }
    }
}
