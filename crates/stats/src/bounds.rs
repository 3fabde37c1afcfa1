//! Minimum and maximum, and what is known about them after a subtraction.

/// A minimum: either known, or only known to be no less than `value`. A maximum is the negation of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) value: f64,
    pub(crate) unknown: bool,
}

impl Bound {
    /// The minimum of both sides; known where the known minimum of one is at most the bound of the other.
    pub(crate) fn least(self, other: Bound) -> Bound {
        let unknown = if self.value == other.value {
            self.unknown && other.unknown
        } else if self.value < other.value {
            self.unknown
        } else {
            other.unknown
        };
        Bound { value: least(self.value, other.value), unknown }
    }

    /// The minimum after subtracting values whose minimum was `gone`.
    pub(crate) fn without(self, gone: Bound) -> Bound {
        Bound { unknown: self.unknown || gone.value <= self.value, ..self }
    }
}

impl std::ops::Neg for Bound {
    type Output = Bound;

    fn neg(self) -> Bound {
        Bound { value: -self.value, ..self }
    }
}

/// The lesser of two numbers, neither NaN; of two zeros the negative one, so that order does not matter.
#[inline(always)]
pub(crate) fn least(a: f64, b: f64) -> f64 {
    if b < a || (b == a && b.is_sign_negative()) {
        b
    } else {
        a
    }
}

/// The greater of two numbers, neither NaN; of two zeros the positive one.
#[inline(always)]
pub(crate) fn greatest(a: f64, b: f64) -> f64 {
    if b > a || (b == a && b.is_sign_positive()) {
        b
    } else {
        a
    }
}
