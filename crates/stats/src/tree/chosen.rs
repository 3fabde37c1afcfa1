//! The choice of values: whose tallies a question needs.

/// The places of values, of those that a tree summarises. What comes after the first 64 is always among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen(u64);

impl Chosen {
    /// All values.
    pub const ALL: Chosen = Chosen(u64::MAX);
    /// No values, apart from those that are always chosen: for questions about rows alone.
    pub const NONE: Chosen = Chosen(0);

    /// Whether the value at this place is among them.
    #[inline]
    pub fn has(self, place: usize) -> bool {
        place >= 64 || self.0 >> place & 1 == 1
    }
}

impl FromIterator<usize> for Chosen {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Chosen {
        Chosen(places.into_iter().filter(|&place| place < 64).fold(0, |chosen, place| chosen | 1 << place))
    }
}
