//! Limits on the decompressed size of a file. A few kilobytes that become gigabytes are a mistake or an attack.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// Decompressed size that is always accepted, however small the file is.
const ALWAYS: u64 = 256 << 20;

/// Limits that the user can raise.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Limits {
    /// Refuse a file that decompresses to more than 256 MiB and to more than this many times its size
    #[arg(long, value_name = "TIMES", default_value_t = 1000)]
    pub max_inflation: u64,
}

/// The limit on a page, which is decompressed in one piece.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Parquet")]
pub struct PageLimit {
    /// Refuse larger pages, measured decompressed; each connection holds one page of each column in memory
    #[arg(long, value_name = "SIZE", default_value = "128MB", value_parser = tally_program::bytes)]
    pub max_page: u64,
}

/// The decompressed size that one file may have, and its size so far.
#[derive(Debug)]
pub struct Allowance {
    times: u64,
    most: u64,
    used: AtomicU64,
}

impl Allowance {
    /// Creates the allowance of a file of this size.
    pub fn new(limits: Limits, size: u64) -> Self {
        let times = limits.max_inflation;
        Self { times, most: size.saturating_mul(times).max(ALWAYS), used: AtomicU64::new(0) }
    }

    /// Refuses a decompressed size that is too large.
    pub fn check(&self, bytes: u64) -> Result<(), String> {
        let times = self.times;
        (bytes <= self.most).then_some(()).ok_or_else(|| {
            format!("decompresses to more than {times} times its size; if that is intended, raise --max-inflation")
        })
    }

    /// Counts decompressed bytes.
    pub fn note_bytes(&self, bytes: u64) -> Result<(), String> {
        self.check(self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes))
    }
}

/// A reader of a compressed file's text, which fails where the file becomes too large.
pub struct Bounded<R> {
    input: R,
    allowance: Allowance,
}

impl<R: Read> Bounded<R> {
    /// Bounds an input.
    pub fn new(input: R, allowance: Allowance) -> Self {
        Self { input, allowance }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(out)?;
        self.allowance.note_bytes(n as u64).map_err(io::Error::other)?;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_may_become_large_and_large_ones_larger() {
        let allowance = |size| Allowance::new(Limits { max_inflation: 1000 }, size);
        assert!(allowance(10).check(ALWAYS).is_ok());
        assert!(allowance(10).check(ALWAYS + 1).unwrap_err().contains("--max-inflation"));
        assert!(allowance(1 << 30).check(1 << 39).is_ok());
        let used = allowance(10);
        assert!(used.note_bytes(ALWAYS).is_ok() && used.note_bytes(1).is_err());
        assert!(allowance(10).note_bytes(u64::MAX).is_err());
    }

    #[test]
    fn a_stream_without_end_ends() {
        let mut input = Bounded::new(io::repeat(b'x'), Allowance::new(Limits { max_inflation: 1 }, 10));
        assert_eq!(io::copy(&mut input, &mut io::sink()).unwrap_err().kind(), io::ErrorKind::Other);
    }
}
