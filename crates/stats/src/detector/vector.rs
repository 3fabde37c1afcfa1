//! Several numbers that are computed with at once.
//!
//! A vector has as many numbers as its type says, whatever the processor: where its instructions take fewer at once, several
//! take the place of one. No multiplication is fused with an addition, so every processor gets the same bits.

use fearless_simd::{f64x2, f64x4, f64x8, Simd, SimdFloat};

/// Numbers that are computed with at once.
pub trait Vector: SimdFloat<<Self as Vector>::Kind, Element = f64> {
    /// The kind of instructions, which the processor was found to have.
    type Kind: Simd;
}

impl<S: Simd> Vector for f64x2<S> {
    type Kind = S;
}

impl<S: Simd> Vector for f64x4<S> {
    type Kind = S;
}

impl<S: Simd> Vector for f64x8<S> {
    type Kind = S;
}

/// A number divided by others.
#[inline(always)]
pub fn quotient<V: Vector>(dividend: f64, divisor: V) -> V {
    V::splat(divisor.token(), dividend) / divisor
}

/// Numbers between two others.
#[inline(always)]
pub fn within<V: Vector>(x: V, least: f64, most: f64) -> V {
    x.max(least).min(most)
}

/// The nearest numbers that are finite in single precision.
#[inline(always)]
pub fn single<V: Vector>(x: V) -> V {
    within(x, f32::MIN.into(), f32::MAX.into())
}

/// The nearest numbers that are positive in single precision.
#[inline(always)]
pub fn positive<V: Vector>(x: V) -> V {
    within(x, f32::MIN_POSITIVE.into(), f32::MAX.into())
}
