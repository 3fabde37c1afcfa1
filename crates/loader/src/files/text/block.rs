//! Blocks: stretches of text that begin and end with records, of bounded size.

use std::io::{self, Read};

use memchr::{memchr, memchr2_iter, memchr_iter, memrchr, memrchr2};

use super::dialect::Dialect;

/// Size of a block: enough text to be worth a transaction.
pub const BLOCK: usize = 8 << 20;
/// Length of the longest record. Without a bound, one unclosed quote would read the rest of its file into memory.
pub const LONGEST_RECORD: usize = 8 << 20;

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
pub struct Blocks<R> {
    input: R,
    dialect: Dialect,
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

impl<R: Read> Blocks<R> {
    /// Reads on from a record's start, which is known to be at this byte and line.
    pub fn new(input: R, dialect: Dialect, size: usize, (at, line): (u64, u64)) -> Self {
        Self { input, dialect, size, rest: Vec::new(), at, line, ended: false, leave_unfinished: false }
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
                end_of_records(&self.rest, &self.dialect)
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

/// Returns the end of the last whole record of a text that begins with a record.
pub fn end_of_records(text: &[u8], dialect: &Dialect) -> Option<usize> {
    let Dialect { quote, escape, comment, .. } = *dialect;
    if escape != quote || comment.is_some() {
        return end_by_walking(text, dialect);
    }
    // Every quote opens or closes, a doubled one does both: a newline ends a record if the number of quotes before
    // it is even.
    let mut open = memchr_iter(quote, text).count() % 2 == 1;
    if !open && memrchr(quote, text) < memrchr(b'\n', text) {
        return memrchr(b'\n', text).map(|n| n + 1);
    }
    let mut end = text.len();
    while let Some(n) = memrchr2(quote, b'\n', &text[..end]) {
        if text[n] == quote {
            open = !open;
        } else if !open {
            return Some(n + 1);
        }
        end = n;
    }
    None
}

fn end_by_walking(text: &[u8], dialect: &Dialect) -> Option<usize> {
    let Dialect { quote, escape, comment, .. } = *dialect;
    let (mut open, mut last, mut at) = (false, None, 0);
    while at < text.len() {
        match text[at] {
            byte if Some(byte) == comment && at == last.unwrap_or(0) => {
                let Some(n) = memchr(b'\n', &text[at..]) else { return last };
                at += n;
                last = Some(at + 1);
            }
            byte if byte == quote => open = !open,
            byte if open && byte == escape && escape != quote => at += 1,
            b'\n' if !open => last = Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    last
}

/// Finds where a text may be cut: reads all of it once, and returns the start of a record after every `part` bytes.
///
/// Returns the byte and the line of each beginning after the first, or nothing if quotes are open for so long that
/// they are probably not meant as such.
pub fn beginnings(input: &mut impl Read, dialect: &Dialect, part: u64) -> io::Result<Vec<(u64, u64)>> {
    let Dialect { quote, escape, comment, .. } = *dialect;
    if escape != quote || comment.is_some() {
        return Ok(Vec::new());
    }
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
        if end < next && memchr(quote, text).is_none() {
            line += memchr_iter(b'\n', text).count() as u64;
        } else {
            for i in memchr2_iter(quote, b'\n', text) {
                let here = at + i as u64;
                if text[i] == quote {
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

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    use super::super::record::Records;
    use super::*;

    /// A reader that returns bytes in pieces of random size, as a pipe may.
    struct Dribble<'a>(&'a [u8], ChaCha12Rng);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = (1 + self.1.next_u32() as usize % 7).min(self.0.len()).min(out.len());
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    type Seen = (u64, u64, bool, Vec<(Vec<u8>, bool)>);

    fn records(text: &[u8], from: u64, line: u64, dialect: Dialect, seen: &mut Vec<Seen>) {
        let mut records = Records::new(text, dialect);
        while let Some(found) = records.next() {
            let fields = records.fields().map(|f| (f.bytes.to_vec(), f.quoted)).collect();
            seen.push((from + found.range.start as u64, line + found.line, found.closed, fields));
        }
    }

    fn random_text(random: &mut ChaCha12Rng, pieces: &[&str]) -> String {
        (0..random.next_u32() % 60).map(|_| pieces[random.next_u32() as usize % pieces.len()]).collect()
    }

    #[test]
    fn blocks_of_any_size_hold_the_same_records() {
        let mut random = ChaCha12Rng::seed_from_u64(3);
        for (escape, comment) in [(b'"', None), (b'\\', None), (b'"', Some(b'#')), (b'\\', Some(b'#'))] {
            let dialect = Dialect { escape, comment, ..Dialect::default() };
            for _ in 0..4000 {
                let text = random_text(
                    &mut random,
                    &["a", "\"", "\n", ",", "\r\n", "\"\"", "\"x\ny\"", "\\\"", "\\", "#", "\n#\""],
                );
                let mut whole = Vec::new();
                records(text.as_bytes(), 100, 7, dialect, &mut whole);
                let size = 1 + random.next_u32() as usize % 40;
                let input = Dribble(text.as_bytes(), ChaCha12Rng::seed_from_u64(1));
                let mut blocks = Blocks::new(input, dialect, size, (100, 7));
                let (mut parts, mut at, mut line) = (Vec::new(), 100, 7);
                while let Some(block) = blocks.next().unwrap() {
                    assert_eq!((block.from, block.line), (at, line));
                    (at, line) = (block.to(), block.next_line());
                    records(&block.text, block.from, block.line, dialect, &mut parts);
                }
                assert_eq!(at, 100 + text.len() as u64);
                assert_eq!(parts, whole, "{text:?} in blocks of {size}");
            }
        }
    }

    #[test]
    fn beginnings_are_beginnings_of_records() {
        let mut random = ChaCha12Rng::seed_from_u64(5);
        let mut cuts = 0;
        for _ in 0..4000 {
            let text = random_text(&mut random, &["a", "\"\n\"", "\n", ",", "\r\n", "\"\"", "\"x\ny\""]);
            let mut whole = Vec::new();
            records(text.as_bytes(), 0, 1, Dialect::default(), &mut whole);
            let found = beginnings(&mut text.as_bytes(), &Dialect::default(), 9).unwrap();
            for cut in found {
                cuts += 1;
                let is_beginning = |r: &Seen| (r.0, r.1) == cut;
                let blank = text[cut.0 as usize..].starts_with(['\r', '\n']) || cut.0 == text.len() as u64;
                assert!(blank || whole.iter().any(is_beginning), "{text:?} at {cut:?}");
            }
        }
        assert!(cuts > 4000, "{cuts}");
    }

    #[test]
    fn an_open_quote_does_not_fill_the_memory() {
        let text = [b"1,\"2\n".as_slice(), &b"3,4\n".repeat(3 << 20)].concat();
        assert!(beginnings(&mut &text[..], &Dialect::default(), 1 << 20).unwrap().is_empty());
        let mut blocks = Blocks::new(&text[..], Dialect::default(), BLOCK, (0, 1));
        let first = blocks.next().unwrap().unwrap();
        assert_eq!(first.text, b"1,\"2\n");
        let second = blocks.next().unwrap().unwrap();
        assert_eq!((second.line, second.text.len() % 4), (2, 0));
    }

    #[test]
    fn a_line_that_is_too_long_is_one_piece() {
        for quote in ["", "\""] {
            let long = format!("1,{quote}{}{quote}\n", "x".repeat(9 << 20));
            let text = format!("0,a\n{long}2,y\n3,z");
            let mut blocks = Blocks::new(text.as_bytes(), Dialect::default(), BLOCK, (0, 1));
            let mut seen = Vec::new();
            while let Some(block) = blocks.next().unwrap() {
                seen.push((
                    block.from as usize,
                    block.line,
                    block.text.len() + block.passed as usize,
                    block.passed > 0,
                ));
            }
            let end = 4 + long.len();
            assert_eq!(seen, [(0, 1, 4, false), (4, 2, long.len(), true), (end, 3, 7, false)]);
        }
    }

    #[test]
    fn an_unfinished_line_is_left() {
        for (text, expected) in [("1,a\n2,b", "1,a\n"), ("1,\"a\nb", ""), ("1,a\n", "1,a\n"), ("1", "")] {
            let blocks = Blocks::new(text.as_bytes(), Dialect::default(), 100, (0, 1));
            let block = blocks.leaving_unfinished(true).next().unwrap();
            assert_eq!(block.map_or(Vec::new(), |block| block.text), expected.as_bytes());
        }
    }
}
