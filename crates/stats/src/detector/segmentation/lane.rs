//! One number of every segment, and arithmetic on all of them at once.

use wide::f64x2;

/// Numbers that are computed at once.
pub const PAIR: usize = 2;

/// One number of each of as many segments as there are pairs for.
#[derive(Clone, Copy)]
pub struct Lane<const PAIRS: usize>([[f64; PAIR]; PAIRS]);

impl<const PAIRS: usize> Default for Lane<PAIRS> {
    fn default() -> Self {
        Lane::splat(0.0)
    }
}

impl<const PAIRS: usize> Lane<PAIRS> {
    /// A lane with one number for all segments.
    pub const fn splat(x: f64) -> Self {
        Lane([[x; PAIR]; PAIRS])
    }

    #[inline(always)]
    pub fn set(&mut self, segment: usize, x: f64) {
        self.0.as_flattened_mut()[segment] = x;
    }

    #[inline(always)]
    pub fn get(&self, segment: usize) -> f64 {
        self.0.as_flattened()[segment]
    }
}

/// Computes a number of each segment from others.
#[inline(always)]
pub fn map<const N: usize, const PAIRS: usize>(
    numbers: [&Lane<PAIRS>; N],
    f: impl Fn([f64x2; N]) -> f64x2,
) -> Lane<PAIRS> {
    let mut lane = Lane::default();
    for i in 0..PAIRS {
        lane.0[i] = f(numbers.map(|number| number.0[i].into())).to_array();
    }
    lane
}

/// Numbers between two others.
#[inline(always)]
pub fn within(x: f64x2, least: f64, most: f64) -> f64x2 {
    x.fast_max(f64x2::splat(least)).fast_min(f64x2::splat(most))
}

/// The nearest numbers that are finite in single precision.
#[inline(always)]
pub fn single(x: f64x2) -> f64x2 {
    within(x, f32::MIN.into(), f32::MAX.into())
}

/// The nearest numbers that are positive in single precision.
#[inline(always)]
pub fn positive(x: f64x2) -> f64x2 {
    within(x, f32::MIN_POSITIVE.into(), f32::MAX.into())
}
