//! A sum kept in K doubles: cascaded two-sums, as if summed in K-fold working precision.
//!
//! Source: Ogita, Rump & Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26 (2005), algorithm SumK.

use crate::dd::Dd;
use crate::eft::{two_prod, two_square, two_sum};

/// The unevaluated sum of K doubles, the first the most significant.
///
/// Adding costs O(K). The words may overlap by some bits until [`Cascade::renormalized`].
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cascade<const K: usize>(pub [f64; K]);

impl<const K: usize> Cascade<K> {
    /// The empty sum.
    pub const ZERO: Self = Cascade([0.0; K]);

    /// Adds `x`; the rounding error of each word is added to the next.
    #[inline(always)]
    pub fn add(&mut self, x: f64) {
        self.add_from(0, x);
    }

    /// Adds an `x` known to be no larger than the rounding error of the words above `level`.
    #[inline(always)]
    fn add_from(&mut self, level: usize, x: f64) {
        let mut carry = x;
        for word in &mut self.0[level..K - 1] {
            (*word, carry) = two_sum(*word, carry);
        }
        self.0[K - 1] += carry;
    }

    /// Adds `x²`, exact in its 106 bits.
    #[inline(always)]
    pub fn add_square(&mut self, x: f64) {
        self.add_square_as::<false>(x);
    }

    /// Adds the square of a value, [fused](two_prod) or not.
    #[inline(always)]
    pub fn add_square_as<const FUSED: bool>(&mut self, x: f64) {
        let (p, e) = two_square::<FUSED>(x);
        self.add_from(0, p);
        self.add_from(1, e);
    }

    /// Adds `a * b`, exact in its 106 bits.
    #[inline(always)]
    pub fn add_product(&mut self, a: f64, b: f64) {
        self.add_product_as::<false>(a, b);
    }

    /// Adds the product of two values, [fused](two_prod) or not.
    #[inline(always)]
    pub fn add_product_as<const FUSED: bool>(&mut self, a: f64, b: f64) {
        let (p, e) = two_prod::<FUSED>(a, b);
        self.add(p);
        self.add(e);
    }

    /// Adds another sum, word by word.
    #[inline(always)]
    pub fn merge(&mut self, other: &Self) {
        for (level, &word) in other.0.iter().enumerate() {
            self.add_from(level, word);
        }
    }

    /// Subtracts another sum, word by word.
    pub fn unmerge(&mut self, other: &Self) {
        self.merge(&Cascade(other.0.map(|w| -w)));
    }

    /// Multiplies by a power of two.
    pub fn scaled(mut self, factor: f64) -> Self {
        self.0 = self.0.map(|w| w * factor);
        self
    }

    /// Multiplies by any number.
    pub fn times(self, factor: f64) -> Self {
        let mut product = Self::ZERO;
        self.renormalized().0.iter().for_each(|&word| product.add_product(word, factor));
        product
    }

    /// Multiplies by a number of two words.
    pub fn times_wide(self, factor: Dd) -> Self {
        let mut product = self.times(factor.hi);
        if factor.lo != 0.0 {
            product.merge(&self.times(factor.lo));
        }
        product
    }

    /// An equal value in words that do not overlap: each is the rounded sum of itself and all that follow.
    #[inline(always)]
    pub fn renormalized(mut self) -> Self {
        for _ in 0..K {
            for i in (0..K - 1).rev() {
                (self.0[i], self.0[i + 1]) = two_sum(self.0[i], self.0[i + 1]);
            }
            // One pass is enough unless much has cancelled.
            if self.0.windows(2).all(|pair| pair[0] + pair[1] == pair[0]) {
                break;
            }
        }
        // -0 would make two equal sums differ in their bytes.
        self.0 = self.0.map(|w| w + 0.0);
        self
    }

    /// The two leading words of the renormalized sum.
    #[inline(always)]
    pub fn to_dd(self) -> Dd {
        let words = self.renormalized().0;
        Dd { hi: words[0], lo: words[1] }
    }
}

impl Cascade<3> {
    /// The nearest double.
    pub fn round(self) -> f64 {
        let [hi, mid, lo] = self.renormalized().0;
        // Takes the third word into account where `hi + mid` is a tie.
        hi + rounded_to_odd(mid, lo)
    }

    /// The double on one side of the sum that is odd, unless the sum is a double: rounding it again, to at most 51
    /// bits, is rounding the sum.
    pub fn rounded_to_odd(self) -> f64 {
        let [hi, mid, lo] = self.renormalized().0;
        rounded_to_odd(hi, rounded_to_odd(mid, lo))
    }
}

/// `a + b` rounded to the odd neighbour where it is not a double (Boldo & Melquiond 2008).
fn rounded_to_odd(a: f64, b: f64) -> f64 {
    let (sum, error) = two_sum(a, b);
    if error == 0.0 || sum.to_bits() & 1 == 1 {
        return sum;
    }
    let away = (error > 0.0) == (sum > 0.0);
    f64::from_bits(if away { sum.to_bits() + 1 } else { sum.to_bits() - 1 })
}
