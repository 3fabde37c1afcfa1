//! Three ranges of magnitude, so that sums of squares neither overflow nor vanish.
//!
//! Squares of doubles span 4,000 powers of two, doubles only 2,000. A tally therefore keeps its sums in one of three
//! units, chosen by the largest magnitude it has seen; nearly all data are in the middle one.

/// The unit of a tally's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scale {
    /// All values below 2^-400 (or none yet): sums of `x * 2^560`.
    Tiny = 0,
    /// Sums of `x` itself.
    Plain = 1,
    /// A value of 2^480 or more: sums of `x * 2^-560`.
    Huge = 2,
}

const UP: f64 = f64::from_bits((1023 + 560) << 52);
const DOWN: f64 = f64::from_bits((1023 - 560) << 52);

impl Scale {
    /// Start of the plain range: 2^-400.
    pub const PLAIN_FROM: f64 = f64::from_bits((1023 - 400) << 52);
    /// Start of the huge range: 2^480. Squares of 2^63 values below it still sum to a finite double.
    pub const HUGE_FROM: f64 = f64::from_bits((1023 + 480) << 52);

    /// The range that a value's magnitude lies in.
    #[inline]
    pub fn of(x: f64) -> Self {
        match x.abs() {
            m if m < Self::PLAIN_FROM => Scale::Tiny,
            m if m < Self::HUGE_FROM => Scale::Plain,
            _ => Scale::Huge,
        }
    }

    /// The factor by which a value enters sums of this unit; exact but for bits far below those of the other values.
    #[inline]
    pub fn factor(self) -> f64 {
        match self {
            Scale::Tiny => UP,
            Scale::Plain => 1.0,
            Scale::Huge => DOWN,
        }
    }

    /// The bound on values of this range, in its unit.
    pub fn limit(self) -> f64 {
        match self {
            Scale::Tiny => Self::PLAIN_FROM * UP,
            Scale::Plain => Self::HUGE_FROM,
            Scale::Huge => f64::MAX * DOWN,
        }
    }

    /// The factor that leads back from this unit.
    pub fn inverse(self) -> f64 {
        match self {
            Scale::Tiny => DOWN,
            Scale::Plain => 1.0,
            Scale::Huge => UP,
        }
    }

    /// The scale with this number, if there is one.
    pub fn from_index(index: u64) -> Option<Self> {
        [Scale::Tiny, Scale::Plain, Scale::Huge].get(usize::try_from(index).ok()?).copied()
    }
}
