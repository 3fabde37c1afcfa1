//! The binary form: a version byte and ten big-endian words.

use crate::cascade::Cascade;
use crate::flags::Flags;
use crate::moments::Impossible;
use crate::tally::Tally;

/// The only version so far.
const VERSION: u8 = 1;
const WORDS: usize = size_of::<Tally>() / 8;

/// The reason why bytes are not a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The length does not fit any version.
    Length,
    /// Written by a version of pg_tally that this one does not know.
    Version(u8),
    /// No numbers have such a tally.
    Impossible(Impossible),
}

impl Tally {
    /// Length of the binary form, in bytes.
    pub const WIRE_LEN: usize = 1 + size_of::<Tally>();

    /// The binary form; equal sums have equal bytes.
    pub fn to_bytes(&self) -> [u8; Self::WIRE_LEN] {
        let mut bytes = [VERSION; Self::WIRE_LEN];
        for (chunk, word) in bytes[1..].chunks_exact_mut(8).zip(self.renormalized().to_words()) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// The tally of a binary form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Tally, WireError> {
        match bytes {
            [VERSION, words @ ..] if bytes.len() == Self::WIRE_LEN => {
                let mut chunks =
                    words.chunks_exact(8).map(|c| c.iter().fold(0, |word, &b| word << 8 | u64::from(b)));
                let tally = Tally::from_words(std::array::from_fn(|_| chunks.next().unwrap_or(0)));
                tally.check().map_err(WireError::Impossible)?;
                Ok(tally.renormalized())
            }
            [version, ..] if *version != VERSION => Err(WireError::Version(*version)),
            _ => Err(WireError::Length),
        }
    }

    pub(crate) fn to_words(self) -> [u64; WORDS] {
        let [s0, s1, s2] = self.sum.0.map(f64::to_bits);
        let [q0, q1, q2] = self.squares.0.map(f64::to_bits);
        [self.count as u64, self.flags.0, self.min.to_bits(), self.max.to_bits(), s0, s1, s2, q0, q1, q2]
    }

    fn from_words(words: [u64; WORDS]) -> Tally {
        let [count, flags, min, max, s0, s1, s2, q0, q1, q2] = words;
        Tally {
            count: count as i64,
            flags: Flags(flags),
            min: f64::from_bits(min),
            max: f64::from_bits(max),
            sum: Cascade([s0, s1, s2].map(f64::from_bits)),
            squares: Cascade([q0, q1, q2].map(f64::from_bits)),
        }
    }
}
