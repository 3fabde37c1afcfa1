//! Double-double arithmetic, about 104 bits, in which the accessors compute before they round once.
//!
//! Source: Joldes, Muller & Popescu, "Tight and rigorous error bounds for basic building blocks of double-word
//! arithmetic", ACM TOMS 44 (2017).

use crate::eft::{two_prod, two_sum};

/// The unevaluated sum `hi + lo`, `|lo|` at most half a unit in the last place of `hi`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dd {
    /// The leading word: the value rounded to double.
    pub hi: f64,
    /// The part that the leading word leaves out.
    pub lo: f64,
}

impl Dd {
    /// A double as it stands.
    #[inline(always)]
    pub fn from_f64(hi: f64) -> Self {
        Dd { hi, lo: 0.0 }
    }

    /// An integer, exactly where 106 bits hold it.
    #[inline(always)]
    pub fn from_i128(x: i128) -> Self {
        let hi = x as f64;
        // `as` saturates, so a `hi` of 2^127 would come back one less; wrapping keeps the difference right.
        let lo = x.wrapping_sub(hi as i128) as f64;
        Dd::normalized(hi, lo)
    }

    /// The sum of two doubles in any order, which may overlap.
    #[inline(always)]
    pub fn normalized(a: f64, b: f64) -> Self {
        let (hi, lo) = two_sum(a, b);
        Dd { hi, lo }
    }

    /// `self + other`.
    #[inline(always)]
    pub fn plus(self, other: Dd) -> Dd {
        let (s, e) = two_sum(self.hi, other.hi);
        let (t, f) = two_sum(self.lo, other.lo);
        let v = Dd::normalized(s, e + t);
        Dd::normalized(v.hi, v.lo + f)
    }

    /// `self - other`.
    #[inline(always)]
    pub fn minus(self, other: Dd) -> Dd {
        self.plus(Dd { hi: -other.hi, lo: -other.lo })
    }

    /// `self * other`.
    #[inline(always)]
    pub fn times(self, other: Dd) -> Dd {
        let (p, e) = two_prod::<false>(self.hi, other.hi);
        Dd::normalized(p, e + (self.hi * other.lo + self.lo * other.hi))
    }

    /// `self / d`.
    #[inline(always)]
    pub fn over(self, d: Dd) -> Dd {
        let q = self.hi / d.hi;
        let (p, e) = two_prod::<false>(q, d.hi);
        let rest = (self.hi - p) - e + self.lo - q * d.lo;
        Dd::normalized(q, rest / d.hi)
    }

    /// The square root; zero for anything not positive.
    pub fn sqrt(self) -> Dd {
        if self.hi <= 0.0 {
            return Dd::from_f64(0.0);
        }
        let root = self.hi.sqrt();
        let (p, e) = two_prod::<false>(root, root);
        Dd::normalized(root, ((self.hi - p) - e + self.lo) / (2.0 * root))
    }

    /// Multiplies by a power of two.
    pub fn scaled(self, factor: f64) -> Dd {
        Dd { hi: self.hi * factor, lo: self.lo * factor }
    }

    /// The nearest double.
    #[inline(always)]
    pub fn round(self) -> f64 {
        self.hi + self.lo
    }
}
