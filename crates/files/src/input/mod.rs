//! Reads files as streams of UTF-8 text, whatever their compression and encoding.

mod compression;
mod encoding;
mod paths;
mod source;

use std::io::{self, Read};

use encoding_rs::{Encoding, UTF_8};

pub use paths::{expand, Location};
pub use source::{FileIdentity, FileSource};

use super::limits::{Allowance, Bounded, Limits};
use compression::Compression;
use encoding::{detect, Decoded};

/// Number of bytes at the start of a file that tell its encoding.
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
    pub fn detect(
        source: &FileSource,
        encoding: Option<&'static Encoding>,
        limits: Limits,
    ) -> io::Result<Self> {
        let compression = source.compression()?;
        let mut begin = Vec::new();
        compression.open(source.open(0)?)?.take(SAMPLE as u64).read_to_end(&mut begin)?;
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
    pub fn open(&self, source: &FileSource, from: u64) -> io::Result<Box<dyn Read + Send>> {
        if self.is_plain() {
            return source.open(from.max(self.mark as u64));
        }
        let allowance = Allowance::new(self.limits, source.size());
        let unpacked = self.compression.open(source.open(0)?)?;
        let mut input: Box<dyn Read + Send> = Box::new(Bounded::new(unpacked, allowance));
        io::copy(&mut input.by_ref().take(self.mark as u64), &mut io::sink())?;
        if self.encoding != UTF_8 {
            input = Box::new(Decoded::new(input, self.encoding, source.name()));
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
