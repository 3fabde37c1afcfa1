//! Reads files as streams of UTF-8 text, whatever their compression and encoding.

mod compression;
mod encoding;
mod paths;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use encoding_rs::{Encoding, UTF_8};
use sha2::{Digest, Sha256};

pub use compression::Compression;
pub use encoding::detect;
pub use paths::expand;

use super::limits::{Allowance, Bounded, Limits};
use encoding::Decoded;

/// Number of bytes at the start and the end of a file that identify it and its encoding.
const SAMPLE: usize = 64 << 10;

/// The form of a file's bytes.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The compression.
    pub compression: Compression,
    /// The encoding of the text after the byte order mark, if there is one.
    pub encoding: &'static Encoding,
    /// The length of the byte order mark.
    pub mark: usize,
    limits: Limits,
}

impl Form {
    /// Detects the form, except for an encoding that was given.
    pub fn detect(path: &Path, encoding: Option<&'static Encoding>, limits: Limits) -> io::Result<Self> {
        let compression = Compression::of(path);
        let mut begin = Vec::new();
        compression.open(File::open(path)?)?.take(SAMPLE as u64).read_to_end(&mut begin)?;
        let (detected, mark) = detect(&begin);
        // The mark names the encoding; without one, UTF-8 is only a guess.
        let encoding = if mark > 0 { detected } else { encoding.unwrap_or(detected) };
        Ok(Self { compression, encoding, mark, limits })
    }

    /// Whether a byte of the text is a byte of the file, so that reading may begin anywhere.
    pub fn is_plain(&self) -> bool {
        self.compression == Compression::None && self.encoding == UTF_8
    }

    /// Opens the text at one of its bytes. Unless it is plain, the bytes before are read and skipped.
    pub fn open(&self, path: &Path, from: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(path)?;
        if self.is_plain() {
            file.seek(SeekFrom::Start(from.max(self.mark as u64)))?;
            return Ok(Box::new(file));
        }
        let allowance = Allowance::new(self.limits, file.metadata()?.len());
        let mut input: Box<dyn Read + Send> = Box::new(Bounded::new(self.compression.open(file)?, allowance));
        io::copy(&mut input.by_ref().take(self.mark as u64), &mut io::sink())?;
        if self.encoding != UTF_8 {
            input = Box::new(Decoded::new(input, self.encoding, path));
        }
        // Text that was marked as UTF-8 begins after the mark, as in a plain file.
        let begin = self.text_start();
        io::copy(&mut input.by_ref().take(from.saturating_sub(begin)), &mut io::sink())?;
        Ok(input)
    }

    /// Returns the position of the text's first byte.
    pub fn text_start(&self) -> u64 {
        if self.encoding == UTF_8 {
            self.mark as u64
        } else {
            0
        }
    }
}

/// The identity of a file's contents: tells whether the file has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileIdentity {
    /// Size in bytes.
    pub size: i64,
    /// Time of the last change, in microseconds since 1970.
    pub modified: i64,
    /// A hash of its first and last 64 KiB.
    pub hash: Vec<u8>,
}

impl FileIdentity {
    /// Returns the identity of a file as it is now.
    pub fn of(path: &Path) -> io::Result<Self> {
        let data = std::fs::metadata(path)?;
        let modified = data.modified()?.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64);
        let size = data.len();
        Ok(Self { size: size as i64, modified, hash: hash(path, size)? })
    }
}

/// Hashes the beginning and the end of the first `size` bytes of a file.
pub fn hash(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let sample = SAMPLE as u64;
    let mut bytes = Vec::new();
    file.by_ref().take(sample.min(size)).read_to_end(&mut bytes)?;
    if size > sample {
        file.seek(SeekFrom::Start(size - sample.min(size - sample)))?;
        file.take(sample.min(size - sample)).read_to_end(&mut bytes)?;
    }
    let mut hasher = Sha256::new();
    hasher.update(size.to_be_bytes());
    hasher.update(&bytes);
    Ok(hasher.finalize().to_vec())
}
