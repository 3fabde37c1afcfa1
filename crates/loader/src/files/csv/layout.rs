//! What a file of CSV is made of, found from its beginning.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use memchr::memchr;

use super::block::{beginnings, Block, Blocks};
use super::dialect::Dialect;
use super::record::Records;
use super::Options;
use crate::failure::Failure;
use crate::files::input::{Form, Identity};
use crate::files::part::Part;

/// How much of a file is looked at, unless its first record is longer.
const SAMPLE: usize = 64 << 10;
/// Larger files are cut, so that several connections can load one of them.
const PART: u64 = 64 << 20;
/// PostgreSQL's tables do not have more columns.
const MAX_COLUMNS: usize = 1600;

/// A file and how to read it.
#[derive(Debug)]
pub struct Layout {
    /// Where it is.
    pub path: PathBuf,
    /// What it was when it was looked at.
    pub identity: Identity,
    /// How its bytes become text.
    pub form: Form,
    /// How its text becomes records.
    pub dialect: Dialect,
    /// The names in its header line.
    pub header: Option<Vec<String>>,
    /// How many fields its records have; none if it has no records.
    pub fields: usize,
    /// Where its records begin: byte and line.
    pub begin: (u64, u64),
}

impl Layout {
    /// Looks at a file.
    pub fn of(path: &Path, options: &Options) -> Result<Self, Failure> {
        Self::detect(path, options).map_err(|e| Failure::new(e).at(path.display()))?
    }

    fn detect(path: &Path, options: &Options) -> io::Result<Result<Self, Failure>> {
        let identity = Identity::of(path)?;
        let form = Form::detect(path, encoding(options)?)?;
        let quoting = Dialect {
            quote: options.quote,
            escape: options.escape.unwrap_or(options.quote),
            delimiter: options.delimiter.unwrap_or(b','),
            skip_blank_lines: true,
        };
        let input = form.open(path, 0)?;
        let first = Blocks::new(input, quoting, SAMPLE, (form.begin(), 1)).next()?;
        let block = first.unwrap_or(Block { text: Vec::new(), from: form.begin(), line: 1 });
        let at = |failure: Failure| Err(failure.at(path.display()));
        if memchr(b'\n', &block.text).is_none()
            && memchr(b'\r', &block.text).is_some_and(|n| n + 1 < block.text.len())
        {
            let failure = Failure::new("its lines end with carriage returns alone");
            return Ok(at(failure.mend("convert it, for instance with tr '\\r' '\\n'")));
        }
        let dialect = match options.delimiter {
            Some(_) => quoting,
            None => quoting.detect_delimiter(&block.text),
        };
        let mut records = Records::new(&block.text, dialect);
        let Some(found) = records.next() else {
            let begin = (block.from, block.line);
            return Ok(Ok(Self {
                path: path.into(),
                identity,
                form,
                dialect,
                header: None,
                fields: 0,
                begin,
            }));
        };
        let fields = records.len();
        if !found.closed || fields > MAX_COLUMNS {
            let what = match found.closed {
                true => {
                    format!("its first record has {fields} fields; a table has at most {MAX_COLUMNS} columns")
                }
                false => "its first record has a quote that is not closed".into(),
            };
            return Ok(at(
                Failure::new(what).mend("say --delimiter and --quote, if they are not what was guessed")
            ));
        }
        let has_header = options.header().unwrap_or_else(|| dialect.detect_header(&block.text));
        let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let header = has_header.then(|| records.fields().map(|f| name(f.bytes)).collect());
        let after = if has_header { found.range.end } else { 0 };
        let lines = memchr::memchr_iter(b'\n', &block.text[..after]).count() as u64;
        let begin = (block.from + after as u64, block.line + lines);
        let dialect = dialect.with_fields(fields);
        Ok(Ok(Self { path: path.into(), identity, form, dialect, header, fields, begin }))
    }

    /// The parts into which it is cut for loading.
    pub fn parts(&self) -> Result<Vec<Part>, Failure> {
        let size = self.identity.size as u64;
        let cuts = if self.form.is_plain() && size > 2 * PART {
            self.form
                .open(&self.path, self.begin.0)
                .and_then(|mut input| beginnings(&mut input, &self.dialect, PART))
                .map_err(|e| Failure::new(e).at(self.path.display()))?
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

    /// The blocks of a part that ends at `to`, from a byte and line on.
    pub fn blocks(
        &self,
        to: Option<i64>,
        (at, line): (i64, i64),
        size: usize,
    ) -> io::Result<Blocks<Box<dyn Read + Send>>> {
        let input = self.form.open(&self.path, at as u64)?;
        let length = to.map_or(u64::MAX, |to| (to - at).max(0) as u64);
        Ok(Blocks::new(Box::new(input.take(length)), self.dialect, size, (at as u64, line as u64)))
    }
}

fn encoding(options: &Options) -> io::Result<Option<&'static Encoding>> {
    let Some(label) = &options.encoding else { return Ok(None) };
    let found = Encoding::for_label(label.as_bytes());
    found.map(Some).ok_or_else(|| {
        io::Error::other(format!("no encoding is called {label:?}; try windows-1252 or utf-16le"))
    })
}
