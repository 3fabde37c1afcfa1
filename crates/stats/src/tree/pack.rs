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
            let [min, max, s0, s1, s2, q0, q1, q2] = take_words(lengths.try_into().ok()?, bytes)?;
            let (sum, squares) = (Cascade([s0, s1, s2]), Cascade([q0, q1, q2]));
            flags.valid().then_some(Tally { count, flags, min, max, sum, squares })
        }
        _ => None,
    }
}

/// Passes over a packed form at the front of `bytes`, and returns the number of values; `None` if it is damaged.
pub fn skip(bytes: &mut &[u8]) -> Option<i64> {
    match take_bytes(bytes, 1)?[0] {
        EMPTY => Some(0),
        ONE => take_bytes(bytes, 8).map(|_| 1),
        MANY => {
            let count = i64::try_from(unpack_integer(bytes)?).ok()?;
            unpack_integer(bytes)?;
            let lengths = take_bytes(bytes, 4)?;
            let length: usize =
                lengths.iter().map(|pair| usize::from(pair >> 4) + usize::from(pair & 15)).sum();
            take_bytes(bytes, length).map(|_| count)
        }
        _ => None,
    }
}

/// The eight words of a tally, and the bytes that they take at most.
const WORDS: usize = 8;
const MOST_BYTES: usize = 8 * WORDS;

/// The leading bytes of a word of which this many are stored; the others are zeros.
const LEADING: [u64; 9] = {
    let mut masks = [u64::MAX; 9];
    let mut length = 0;
    while length < 8 {
        masks[length] = !(u64::MAX >> (8 * length));
        length += 1;
    }
    masks
};

/// Takes words whose lengths are in two halves of each byte.
#[inline(always)]
fn take_words(lengths: [u8; WORDS / 2], bytes: &mut &[u8]) -> Option<[f64; WORDS]> {
    let mut end = [0; MOST_BYTES];
    // Mostly there are more bytes behind, so that all eight of each word can be read at once.
    let stored: &[u8; MOST_BYTES] = match bytes.first_chunk() {
        Some(stored) => stored,
        None => {
            end[..bytes.len()].copy_from_slice(bytes);
            &end
        }
    };
    let (mut words, mut next) = ([0.0; WORDS], 0);
    for (place, word) in words.iter_mut().enumerate() {
        let length = usize::from(lengths[place / 2] >> (4 - 4 * (place % 2)) & 15);
        let eight = stored.get(next..next + 8)?.try_into().ok()?;
        *word = f64::from_bits(u64::from_be_bytes(eight) & LEADING.get(length)?);
        next += length;
    }
    *bytes = bytes.get(next..)?;
    Some(words)
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

/// Takes an integer of variable length from the front of `bytes`.
#[inline(always)]
pub(super) fn unpack_integer(bytes: &mut &[u8]) -> Option<u64> {
    match **bytes {
        [first, ref rest @ ..] if first < 0x80 => {
            *bytes = rest;
            Some(first.into())
        }
        _ => unpack_long_integer(bytes),
    }
}

/// Takes an integer of several bytes, of which all but the last have the highest bit set.
fn unpack_long_integer(bytes: &mut &[u8]) -> Option<u64> {
    let Some(&eight) = bytes.first_chunk() else { return unpack_longest_integer(bytes) };
    let eight = u64::from_le_bytes(eight);
    let last = !eight & 0x8080_8080_8080_8080;
    if last == 0 {
        return unpack_longest_integer(bytes);
    }
    // All bits up to the one that ends the last byte; then groups of 7, 14 and 28 bits move together.
    let x = eight & (last ^ (last - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
    let x = x & 0x007f_007f_007f_007f | (x & 0x7f00_7f00_7f00_7f00) >> 1;
    let x = x & 0x0000_3fff_0000_3fff | (x & 0x3fff_0000_3fff_0000) >> 2;
    let x = x & 0x0fff_ffff | (x & 0x0fff_ffff_0000_0000) >> 4;
    *bytes = &bytes[last.trailing_zeros() as usize / 8 + 1..];
    Some(x)
}

/// Takes an integer byte by byte: one of more than eight, or near the end of what is stored.
fn unpack_longest_integer(bytes: &mut &[u8]) -> Option<u64> {
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
