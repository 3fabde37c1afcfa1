//! Compact encoding of tallies, for the nodes and the log of a tree.

use crate::cascade::Cascade;
use crate::flags::Flags;
use crate::tally::Tally;

/// No value.
const EMPTY: u8 = 0;
/// One value, whose eight bytes follow.
const ONE: u8 = 1;
/// Count and flags as variable-length integers, how long each of eight words is, and their leading bytes.
const MANY: u8 = 2;

/// Appends the packed form: 1 byte for no value, 9 for one, about 55 for many. Sums that are equal to the last bit
/// have equal forms.
pub fn pack(tally: &Tally, bytes: &mut Vec<u8>) {
    if tally.count == 0 {
        bytes.push(EMPTY);
        return;
    }
    let tally = tally.renormalized();
    let words = tally.to_words();
    if tally.count == 1 && of_one(tally.max).renormalized().to_words() == words {
        bytes.push(ONE);
        bytes.extend(tally.max.to_le_bytes());
        return;
    }
    bytes.push(MANY);
    let [count, flags, words @ ..] = words;
    pack_integer(count, bytes);
    pack_integer(flags, bytes);
    // The sums of like numbers end in zeros.
    let lengths = words.map(|word| 8 - word.trailing_zeros().min(64) as u8 / 8);
    bytes.extend(lengths.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
    for (word, length) in words.iter().zip(lengths) {
        bytes.extend(&word.to_be_bytes()[..length.into()]);
    }
}

/// Takes a packed tally from the front of `bytes`; `None` if there is none.
pub fn unpack(bytes: &mut &[u8]) -> Option<Tally> {
    match take_bytes(bytes, 1)?[0] {
        EMPTY => Some(Tally::EMPTY),
        ONE => Some(of_one(f64::from_le_bytes(take_bytes(bytes, 8)?.try_into().ok()?))),
        MANY => {
            let count = i64::try_from(unpack_integer(bytes)?).ok()?;
            let flags = Flags(unpack_integer(bytes)?);
            let lengths = take_bytes(bytes, 4)?;
            let mut words = [0.0; 8];
            for (i, word) in words.iter_mut().enumerate() {
                let length = usize::from(lengths[i / 2] >> (4 - 4 * (i % 2)) & 15);
                *word = f64::from_bits(take_word(bytes, length)?);
            }
            let [min, max, s0, s1, s2, q0, q1, q2] = words;
            let (sum, squares) = (Cascade([s0, s1, s2]), Cascade([q0, q1, q2]));
            flags.valid().then_some(Tally { count, flags, min, max, sum, squares })
        }
        _ => None,
    }
}

/// Passes over a packed form at the front of `bytes`; `None` if it is damaged.
pub fn skip(bytes: &mut &[u8]) -> Option<()> {
    match take_bytes(bytes, 1)?[0] {
        EMPTY => Some(()),
        ONE => take_bytes(bytes, 8).map(drop),
        MANY => {
            unpack_integer(bytes)?;
            unpack_integer(bytes)?;
            let lengths = take_bytes(bytes, 4)?;
            let length: usize =
                lengths.iter().map(|pair| usize::from(pair >> 4) + usize::from(pair & 15)).sum();
            take_bytes(bytes, length).map(drop)
        }
        _ => None,
    }
}

/// Takes the leading bytes of a word, whose others are zeros.
#[inline]
fn take_word(bytes: &mut &[u8], length: usize) -> Option<u64> {
    if length > 8 {
        return None;
    }
    // Mostly there are more bytes behind, so that all eight can be read at once.
    let whole = match bytes.first_chunk() {
        Some(&eight) => u64::from_be_bytes(eight) & !u64::MAX.checked_shr(8 * length as u32).unwrap_or(0),
        None => {
            let mut whole = [0; 8];
            whole.get_mut(..length)?.copy_from_slice(bytes.get(..length)?);
            u64::from_be_bytes(whole)
        }
    };
    *bytes = bytes.get(length..)?;
    Some(whole)
}

fn of_one(x: f64) -> Tally {
    let mut tally = Tally::EMPTY;
    tally.observe(x);
    tally
}

fn take_bytes<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

pub(super) fn pack_integer(mut x: u64, bytes: &mut Vec<u8>) {
    while x >= 0x80 {
        bytes.push(x as u8 | 0x80);
        x >>= 7;
    }
    bytes.push(x as u8);
}

pub(super) fn unpack_integer(bytes: &mut &[u8]) -> Option<u64> {
    let mut x = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_bytes(bytes, 1)?[0];
        x |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(x);
        }
    }
    None
}
