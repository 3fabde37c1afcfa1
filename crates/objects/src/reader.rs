//! Reads an object from its beginning to its end, in requests of bounded size, the next of which is under way.

use std::io::{self, Read};
use std::sync::mpsc::Receiver;

use bytes::{Buf, Bytes};

use super::{runtime, Object};

/// Size of the first request: enough to see what the object is.
const FIRST: u64 = 128 << 10;
/// Size of the largest request. Each reader holds two of them.
const LARGEST: u64 = 8 << 20;

/// A reader of an object.
pub struct ObjectReader {
    object: Object,
    /// Start of the next request, and its size.
    at: u64,
    size: u64,
    /// The bytes that were received and not yet read.
    bytes: Bytes,
    /// The request under way.
    next: Option<Receiver<io::Result<Bytes>>>,
}

impl ObjectReader {
    /// Reads from a byte on.
    pub fn new(object: Object, from: u64) -> Self {
        Self { object, at: from, size: FIRST, bytes: Bytes::new(), next: None }
    }

    fn request(&mut self) -> Option<Receiver<io::Result<Bytes>>> {
        let range = self.at..self.object.size().min(self.at.saturating_add(self.size));
        if range.is_empty() {
            return None;
        }
        self.at = range.end;
        self.size = (self.size * 4).min(LARGEST);
        Some(runtime::begin(self.object.clone().read(range)))
    }
}

impl Read for ObjectReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() && !out.is_empty() {
            let is_first = self.size == FIRST;
            let Some(wanted) = self.next.take().or_else(|| self.request()) else { return Ok(0) };
            self.bytes = wanted.recv().map_err(|_| io::Error::other("request was lost"))??;
            // Who reads on after the beginning will read all.
            self.next = if is_first { None } else { self.request() };
        }
        let n = out.len().min(self.bytes.len());
        self.bytes.copy_to_slice(&mut out[..n]);
        Ok(n)
    }
}
