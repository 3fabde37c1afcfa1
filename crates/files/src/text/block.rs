//! Blocks: stretches of text that begin and end with records, of bounded size.

use std::io::{self, Read};

use memchr::{memchr, memchr2_iter, memchr_iter};

/// Size of a block: enough text to be worth a transaction.
pub const BLOCK: usize = 8 << 20;
/// Length of the longest record. Without a bound, one unclosed quote would read the rest of its file into memory.
pub const LONGEST_RECORD: usize = 8 << 20;

/// The rule by which a text falls into records.
pub trait RecordRule: Copy {
    /// Returns the end of the last whole record of a text that begins with a record.
    fn last_end(&self, text: &[u8]) -> Option<usize>;

    /// Returns which newlines end records.
    fn newlines(&self) -> Newlines;
}

/// The newlines that end records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newlines {
    /// Every newline.
    All,
    /// Newlines that an even number of these quotes precedes.
    OutsideQuotes(u8),
    /// Newlines that only a walk through all records finds.
    Unknown,
}

/// Whole records, except where a quote stays open.
#[derive(Debug)]
pub struct Block {
    /// The records.
    pub text: Vec<u8>,
    /// Start in the text of the file, in bytes.
    pub from: u64,
    /// Line of the first record, counted from 1.
    pub line: u64,
    /// Number of bytes after the text that were skipped: the rest of a line that is longer than a record may be.
    pub passed: u64,
}

impl Block {
    /// Start of the next block.
    pub fn to(&self) -> u64 {
        self.from + self.text.len() as u64 + self.passed
    }

    /// Line at which the next block begins.
    pub fn next_line(&self) -> u64 {
        self.line + memchr_iter(b'\n', &self.text).count() as u64 + u64::from(self.passed > 0)
    }
}

/// Cuts what it reads into blocks.
pub struct Blocks<R, D> {
    input: R,
    rule: D,
    size: usize,
    /// Text that was read beyond the last block.
    rest: Vec<u8>,
    /// Start of `rest`.
    at: u64,
    line: u64,
    ended: bool,
    /// Whether a last record without a newline is left for later.
    leave_unfinished: bool,
}

impl<R: Read, D: RecordRule> Blocks<R, D> {
    /// Reads on from a record's start, which is known to be at this byte and line.
    pub fn new(input: R, rule: D, size: usize, (at, line): (u64, u64)) -> Self {
        Self { input, rule, size, rest: Vec::new(), at, line, ended: false, leave_unfinished: false }
    }

    /// Leaves a last record without a newline: it may be incomplete.
    pub fn leaving_unfinished(self, leave_unfinished: bool) -> Self {
        Self { leave_unfinished, ..self }
    }

    /// Returns the next block, or none at the end.
    pub fn next(&mut self) -> io::Result<Option<Block>> {
        let mut target = self.size;
        loop {
            self.fill(target)?;
            if self.rest.is_empty() {
                return Ok(None);
            }
            let end = if self.ended && !self.leave_unfinished {
                Some(self.rest.len())
            } else {
                self.rule.last_end(&self.rest)
            };
            match end {
                Some(end) => return Ok(Some(self.cut(end))),
                // A record longer than the block, or a quote that is not closed: its first line goes alone.
                None if self.rest.len() >= LONGEST_RECORD.max(self.size) => {
                    return match memchr(b'\n', &self.rest) {
                        Some(n) => Ok(Some(self.cut(n + 1))),
                        None => self.cut_long_line().map(Some),
                    };
                }
                None if self.ended => return Ok(None),
                None => target = (self.rest.len() * 2).min(LONGEST_RECORD.max(self.size)),
            }
        }
    }

    /// Whether all that is left is a record that was left for later.
    pub fn has_unfinished(&self) -> bool {
        self.leave_unfinished && self.ended && !self.rest.is_empty()
    }

    fn fill(&mut self, target: usize) -> io::Result<()> {
        while !self.ended && self.rest.len() < target {
            let missing = target - self.rest.len();
            self.rest.reserve(missing);
            self.ended = self.input.by_ref().take(missing as u64).read_to_end(&mut self.rest)? == 0;
        }
        Ok(())
    }

    fn cut(&mut self, end: usize) -> Block {
        let tail = self.rest.split_off(end);
        let text = std::mem::replace(&mut self.rest, tail);
        let block = Block { text, from: self.at, line: self.line, passed: 0 };
        (self.at, self.line) = (block.to(), block.next_line());
        block
    }

    /// Cuts off a line that is longer than a record may be; skips what is not yet read of it.
    fn cut_long_line(&mut self) -> io::Result<Block> {
        let mut block = self.cut(self.rest.len());
        loop {
            self.fill(64 << 10)?;
            let end = memchr(b'\n', &self.rest);
            let passed = end.map_or(self.rest.len(), |n| n + 1);
            block.passed += passed as u64;
            self.rest.drain(..passed);
            if end.is_some() || self.ended {
                (self.at, self.line) = (block.to(), block.next_line());
                return Ok(block);
            }
        }
    }
}

/// Finds where a text may be cut: reads all of it once, and returns the start of a record after every `part` bytes.
///
/// Returns the byte and the line of each beginning after the first, or nothing if quotes are open for so long that
/// they are probably not meant as such.
pub fn beginnings(input: &mut impl Read, rule: &impl RecordRule, part: u64) -> io::Result<Vec<(u64, u64)>> {
    let quote = match rule.newlines() {
        Newlines::All => None,
        Newlines::OutsideQuotes(quote) => Some(quote),
        Newlines::Unknown => return Ok(Vec::new()),
    };
    let mut buffer = vec![0; 1 << 20];
    let (mut at, mut line, mut open, mut opened) = (0u64, 1u64, false, 0u64);
    let (mut found, mut next) = (Vec::new(), part);
    loop {
        let n = input.read(&mut buffer)?;
        if n == 0 {
            return Ok(if open { Vec::new() } else { found });
        }
        let text = &buffer[..n];
        let end = at + n as u64;
        if end < next && quote.is_none_or(|quote| memchr(quote, text).is_none()) {
            line += memchr_iter(b'\n', text).count() as u64;
        } else {
            for i in memchr2_iter(quote.unwrap_or(b'\n'), b'\n', text) {
                let here = at + i as u64;
                if Some(text[i]) == quote {
                    if open && here - opened > LONGEST_RECORD as u64 {
                        return Ok(Vec::new());
                    }
                    (open, opened) = (!open, here);
                } else {
                    line += 1;
                    if !open && here + 1 >= next {
                        found.push((here + 1, line));
                        next = here + 1 + part;
                    }
                }
            }
        }
        at = end;
    }
}
