//! The stored form: a version byte, then the state as bincode writes it, validated when read.
//!
//! This is the only place that knows bincode: 2.0.1 is its last release, and another encoding would be another version.

use super::state::Detector;
use serde::Serialize;

/// The version that is written; 1 was never released.
pub const VERSION: u8 = 2;
/// No state is longer.
pub const MOST_BYTES: usize = 2048;

/// Why bytes are not a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// Cut off, too long, or otherwise not of the form.
    Damaged,
    /// Written by a version of pg_tally that this one does not know.
    Version(u8),
    /// Of the form, but no series leads to it.
    Impossible,
}

/// Memory that reading may claim: damaged lengths are refused before anything is allocated.
const MOST_MEMORY: usize = 16 * MOST_BYTES;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MOST_MEMORY>()
}

impl Detector {
    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MOST_BYTES);
        bytes.push(VERSION);
        write(self, &mut bytes);
        bytes
    }

    /// The detector of a stored form; one with numbers that cannot be begins anew after its last row.
    pub fn from_bytes(bytes: &[u8]) -> Result<Detector, CodecError> {
        match bytes {
            [VERSION, state @ ..] => {
                let (detector, read): (Detector, usize) =
                    bincode::serde::decode_from_slice(state, config()).map_err(|_| CodecError::Damaged)?;
                if read != state.len() {
                    return Err(CodecError::Damaged);
                }
                if !detector.coherent() {
                    return Err(CodecError::Impossible);
                }
                // pg_tally 0.1.0 stored numbers that are none after a leap from rows that were all the same.
                Ok(if detector.sound() { detector } else { detector.anew() })
            }
            [version, ..] => Err(CodecError::Version(*version)),
            [] => Err(CodecError::Damaged),
        }
    }
}

fn write(state: &impl Serialize, bytes: &mut Vec<u8>) {
    let written = bincode::serde::encode_into_std_write(state, bytes, bincode::config::standard());
    written.unwrap_or_else(|error| unreachable!("numbers were not written: {error}"));
}
