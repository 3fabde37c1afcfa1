//! The stored form: a version byte, then the state as bincode writes it.
//!
//! Only this module uses bincode: 2.0.1 is its last release, and another encoding would be another version.

use serde::de::DeserializeOwned;
use serde::Serialize;

/// The version that is written; 1 was never released.
pub const VERSION: u8 = 2;
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

/// Reads a state from its stored form, without checking it.
pub fn decode<State: DeserializeOwned>(bytes: &[u8]) -> Result<State, CodecError> {
    match bytes {
        [VERSION, stored @ ..] => {
            let (state, read) =
                bincode::serde::decode_from_slice(stored, config()).map_err(|_| CodecError::Damaged)?;
            if read == stored.len() {
                Ok(state)
            } else {
                Err(CodecError::Damaged)
            }
        }
        [version, ..] => Err(CodecError::Version(*version)),
        [] => Err(CodecError::Damaged),
    }
}

/// Appends the encoding of a state, or of a part of one.
pub fn write(state: &impl Serialize, bytes: &mut Vec<u8>) {
    let written = bincode::serde::encode_into_std_write(state, bytes, bincode::config::standard());
    written.unwrap_or_else(|error| unreachable!("numbers were not written: {error}"));
}
