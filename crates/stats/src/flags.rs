//! Flags and counts that a tally keeps besides its sums, in one word.

use crate::scale::Scale;

/// Bits from the low end: scale (2 bits), minimum unknown, maximum unknown, then how many NaN, +Inf and -Inf were seen
/// (20 bits each).
///
/// The three counts stick at their greatest value: a tally that has seen a million NaN no longer knows when the last of
/// them is subtracted, and keeps reporting NaN.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u64);

/// The values that sums cannot hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Special {
    Nan = 0,
    PlusInf = 1,
    MinusInf = 2,
}

impl Special {
    pub(crate) const ALL: [Special; 3] = [Special::Nan, Special::PlusInf, Special::MinusInf];

    fn of(x: f64) -> Self {
        if x.is_nan() {
            Special::Nan
        } else if x > 0.0 {
            Special::PlusInf
        } else {
            Special::MinusInf
        }
    }

    fn shift(self) -> u32 {
        4 + 20 * self as u32
    }
}

const SCALE: u64 = 0b11;
const MIN_UNKNOWN: u64 = 1 << 2;
const MAX_UNKNOWN: u64 = 1 << 3;

impl Flags {
    /// No value seen.
    pub(crate) const NONE: Flags = Flags(0);
    /// The ordinary state: plain scale, bounds known, only finite values.
    pub(crate) const PLAIN: Flags = Flags(Scale::Plain as u64);
    /// The value at which the counts of special values stick.
    pub(crate) const STUCK: u64 = (1 << 20) - 1;

    #[inline]
    pub(crate) fn scale(self) -> Scale {
        Scale::from_index(self.0 & SCALE).unwrap_or(Scale::Huge)
    }

    pub(crate) fn set_scale(&mut self, scale: Scale) {
        self.0 = self.0 & !SCALE | scale as u64;
    }

    pub(crate) fn min_unknown(self) -> bool {
        self.0 & MIN_UNKNOWN != 0
    }

    pub(crate) fn max_unknown(self) -> bool {
        self.0 & MAX_UNKNOWN != 0
    }

    pub(crate) fn set_unknown(&mut self, min: bool, max: bool) {
        self.0 &= !(MIN_UNKNOWN | MAX_UNKNOWN);
        self.0 |= if min { MIN_UNKNOWN } else { 0 } | if max { MAX_UNKNOWN } else { 0 };
    }

    /// Number of times this special value was seen; [`Flags::STUCK`] stands for any number from there on.
    pub(crate) fn specials(self, kind: Special) -> u64 {
        self.0 >> kind.shift() & Self::STUCK
    }

    pub(crate) fn set_specials(&mut self, kind: Special, count: u64) {
        let count = count.min(Self::STUCK);
        self.0 = self.0 & !(Self::STUCK << kind.shift()) | count << kind.shift();
    }

    pub(crate) fn count_special(&mut self, x: f64) {
        let kind = Special::of(x);
        self.set_specials(kind, self.specials(kind) + 1);
    }

    /// Subtracts from a count of special values; `None` if the count is less. A stuck count stays.
    pub(crate) fn take_specials(&mut self, kind: Special, count: u64) -> Option<()> {
        let have = self.specials(kind);
        if have != Self::STUCK {
            self.set_specials(kind, have.checked_sub(count)?);
        }
        Some(())
    }

    /// Whether any count is stuck.
    pub(crate) fn stuck(self) -> bool {
        Special::ALL.iter().any(|&kind| self.specials(kind) == Self::STUCK)
    }

    /// Whether this version knows the scale.
    pub(crate) fn valid(self) -> bool {
        Scale::from_index(self.0 & SCALE).is_some()
    }
}
