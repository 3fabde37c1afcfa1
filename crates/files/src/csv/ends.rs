//! The ends of records in a text of CSV.

use memchr::{memchr, memchr_iter, memrchr, memrchr2};

use super::dialect::Dialect;
use crate::text::{Newlines, RecordRule};

impl RecordRule for Dialect {
    fn last_end(&self, text: &[u8]) -> Option<usize> {
        match self.newlines() {
            Newlines::OutsideQuotes(quote) => end_outside_quotes(text, quote),
            _ => end_by_walking(text, self),
        }
    }

    fn newlines(&self) -> Newlines {
        if self.escape == self.quote && self.comment.is_none() {
            Newlines::OutsideQuotes(self.quote)
        } else {
            Newlines::Unknown
        }
    }
}

fn end_outside_quotes(text: &[u8], quote: u8) -> Option<usize> {
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
            _ if at == last.unwrap_or(0) && comment.is_some_and(|comment| comment.begins(&text[at..])) => {
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

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    use std::io::{self, Read};

    use super::super::dialect::Comment;
    use super::super::record::Records;
    use super::*;
    use crate::text::{beginnings, Blocks, BLOCK};

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
        for (escape, comment) in
            [(b'"', None), (b'\\', None), (b'"', Some("#")), (b'\\', Some("#")), (b'"', Some("#a"))]
        {
            let comment = comment.map(|text| text.parse::<Comment>().unwrap());
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
