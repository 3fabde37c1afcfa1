//! Compressed files, recognized by their names.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// The compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    None,
    /// Compression by gzip.
    Gzip,
    /// Compression by zstd.
    Zstd,
}

impl Compression {
    /// Returns the compression that the name's ending stands for.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|e| e.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::None,
        }
    }

    /// Returns a reader of the decompressed bytes.
    pub fn open(self, file: File) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::None => Box::new(file),
            // Files that were concatenated have several members.
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
            Self::Zstd => Box::new(zstd::Decoder::new(file)?),
        })
    }
}
