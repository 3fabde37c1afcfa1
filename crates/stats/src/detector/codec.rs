//! The stored form: a version byte, then the state as bincode writes it.
//!
//! Only this module uses bincode: 2.0.1 is its last release, and another encoding would be another version.

use serde::de::DeserializeOwned;
use serde::Serialize;

/// The version that is written.
pub const VERSION: u8 = 3;
/// The version of pg_tally 0.1.0, of which only the beginning is read. Version 1 was never released.
const EARLIER: u8 = 2;
/// The size of the largest state, in bytes.
pub const MOST_BYTES: usize = 2048;
/// The memory that reading may claim, in bytes: damaged lengths are refused before anything is allocated.
const MOST_MEMORY: usize = 16 * MOST_BYTES;

/// The reason why bytes are not a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// Cut off, too long, or otherwise malformed.
    Damaged,
    /// Written by a version of pg_tally that this one does not know.
    Version(u8),
    /// Well formed, but no series leads to such a state; a clause names what is wrong.
    Impossible(&'static str),
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MOST_MEMORY>()
}

/// The stored form of a state.
pub fn encode(state: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MOST_BYTES);
    bytes.push(VERSION);
    write(state, &mut bytes);
    bytes
}

/// A state that was read.
pub enum Stored<State, Beginning> {
    Whole(State),
    /// The part that an earlier version had first, and this one still reads.
    Beginning(Beginning),
}

/// Reads a state from its stored form, without checking it.
pub fn decode<State: DeserializeOwned, Beginning: DeserializeOwned>(
    bytes: &[u8],
) -> Result<Stored<State, Beginning>, CodecError> {
    match bytes {
        [VERSION, stored @ ..] => match read(stored)? {
            (state, length) if length == stored.len() => Ok(Stored::Whole(state)),
            _ => Err(CodecError::Damaged),
        },
        [EARLIER, stored @ ..] => Ok(Stored::Beginning(read(stored)?.0)),
        [version, ..] => Err(CodecError::Version(*version)),
        [] => Err(CodecError::Damaged),
    }
}

fn read<Part: DeserializeOwned>(bytes: &[u8]) -> Result<(Part, usize), CodecError> {
    bincode::serde::decode_from_slice(bytes, config()).map_err(|_| CodecError::Damaged)
}

/// Appends the encoding of a state, or of a part of one.
pub fn write(state: &impl Serialize, bytes: &mut Vec<u8>) {
    let written = bincode::serde::encode_into_std_write(state, bytes, bincode::config::standard());
    written.unwrap_or_else(|error| unreachable!("numbers were not written: {error}"));
}
