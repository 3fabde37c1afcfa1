//! Files of text whose records are lines, or nearly: where they begin, and how they are cut into parts and blocks.

mod block;

use std::io::{self, Read};

pub use block::{beginnings, Block, Blocks, Newlines, RecordRule, BLOCK};

use super::input::{FileSource, Form};
use super::part::Part;
use tally_postgres::Failure;

/// Size of a part: larger files are cut, so that several connections can load one of them.
const PART: u64 = 64 << 20;

/// A text file and its records.
pub struct TextFile<D> {
    /// The file.
    pub source: FileSource,
    /// Form in which its bytes hold text.
    pub form: Form,
    /// The rule by which its text holds records.
    pub rule: D,
    /// Start of its records: byte and line.
    pub begin: (u64, u64),
    /// Whether a last line without a newline is left for later.
    pub leave_unfinished: bool,
}

impl<D: RecordRule> TextFile<D> {
    /// Names the file in a failure to read it.
    pub fn failure(&self, error: io::Error) -> Failure {
        Failure::new(error).at(self.source.name())
    }

    /// Whether the file may grow at its end, and the new rows be loaded.
    pub fn may_grow(&self) -> bool {
        self.form.is_plain() && self.source.may_grow()
    }

    /// Whether a line ends at this position.
    pub fn ends_with_line(&self, position: i64) -> io::Result<bool> {
        let position = u64::try_from(position).unwrap_or(0);
        if position <= self.form.text_start() {
            return Ok(true);
        }
        let mut last = [0];
        self.form.open(&self.source, position - 1)?.read_exact(&mut last)?;
        Ok(last == *b"\n")
    }

    /// Returns the parts into which the file is cut for loading.
    pub fn parts(&self) -> Result<Vec<Part>, Failure> {
        let size = self.source.size();
        let cuts = if self.form.is_plain() && size > 2 * PART {
            let input = self.form.open(&self.source, self.begin.0);
            input
                .and_then(|mut input| beginnings(&mut input, &self.rule, PART))
                .map_err(|e| self.failure(e))?
        } else {
            Vec::new()
        };
        let (byte, line) = self.begin;
        let begins = std::iter::once((byte, line))
            .chain(cuts.into_iter().map(|(at, lines)| (byte + at, line + lines - 1)))
            .filter(|(at, _)| *at < size || *at == byte);
        let begins: Vec<(u64, u64)> = begins.collect();
        let end = |i: usize| match begins.get(i + 1) {
            Some((next, _)) => Some(*next),
            None => self.form.is_plain().then_some(size.max(byte)),
        };
        let part = |(i, (from, line)): (usize, &(u64, u64))| Part {
            from: *from as i64,
            to: end(i).map(|to| to as i64),
            line: *line as i64,
        };
        Ok(begins.iter().enumerate().map(part).collect())
    }

    /// Returns the blocks of a part that ends at `to`, from a byte and line on, of about this size.
    pub fn blocks(&self, to: Option<i64>, (at, line): (i64, i64), size: usize) -> io::Result<TextBlocks<D>> {
        let input = self.form.open(&self.source, at as u64)?;
        let length = to.map_or(u64::MAX, |to| (to - at).max(0) as u64);
        let input = Box::new(input.take(length)) as Box<dyn Read + Send>;
        let blocks = Blocks::new(input, self.rule, size, (at as u64, line as u64));
        Ok(blocks.leaving_unfinished(self.leave_unfinished))
    }
}

/// The blocks of a file.
pub type TextBlocks<D> = Blocks<Box<dyn Read + Send>, D>;
