//! The layout of a CSV file, detected from its beginning.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use memchr::{memchr, memchr_iter};

use super::block::{beginnings, Block, Blocks};
use super::dialect::Dialect;
use super::header;
use super::record::Records;
use super::CsvOptions;
use crate::files::input::{FileIdentity, Form};
use crate::files::limits::Limits;
use crate::files::part::Part;
use crate::Failure;

/// Number of bytes of a file to examine, unless its first record is longer.
const SAMPLE: usize = 64 << 10;
/// Size of a part: larger files are cut, so that several connections can load one of them.
const PART: u64 = 64 << 20;
/// Number of columns that a table of PostgreSQL has at most.
const MAX_COLUMNS: usize = 1600;

/// A file and how to read it.
#[derive(Debug)]
pub struct CsvLayout {
    /// Path of the file.
    pub path: PathBuf,
    /// Identity of the file when its layout was detected.
    pub identity: FileIdentity,
    /// Form in which its bytes hold text.
    pub form: Form,
    /// Dialect in which its text holds records.
    pub dialect: Dialect,
    /// The names in its header line.
    pub header: Option<Vec<String>>,
    /// Number of fields of its records; 0 if it has no records.
    pub fields: usize,
    /// Start of its records: byte and line.
    pub begin: (u64, u64),
    /// Whether a last line without a newline is left for later.
    leave_unfinished: bool,
}

impl CsvLayout {
    /// Detects the layout of a file.
    pub fn of(path: &Path, options: &CsvOptions, limits: Limits) -> Result<Self, Failure> {
        Self::detect(path, options, limits).map_err(|failure| failure.at(path.display()))
    }

    fn detect(path: &Path, options: &CsvOptions, limits: Limits) -> Result<Self, Failure> {
        let identity = FileIdentity::of(path).map_err(Failure::new)?;
        let form = Form::detect(path, encoding(options)?, limits).map_err(Failure::new)?;
        let quoting = Dialect {
            quote: options.quote,
            escape: options.escape.unwrap_or(options.quote),
            delimiter: options.delimiter.unwrap_or(b','),
            comment: options.comment,
            skip_blank_lines: true,
        };
        let block = first_block(path, &form, quoting, options.skip).map_err(Failure::new)?;
        if block.passed > 0 {
            return Err(Failure::new("first line is longer than 8 MiB").mend("check that the file is CSV"));
        }
        if has_only_returns(&block.text) {
            return Err(Failure::new("lines end with carriage returns only")
                .mend("convert the file, for instance with tr '\\r' '\\n'"));
        }
        let dialect = match options.delimiter {
            Some(_) => quoting,
            None => quoting.detect_delimiter(&block.text),
        };
        let layout = Self {
            path: path.into(),
            identity,
            form,
            dialect,
            header: None,
            fields: 0,
            begin: (block.from, block.line),
            leave_unfinished: options.wait_for_newline && form.is_plain(),
        };
        let mut records = Records::new(&block.text, dialect);
        let Some(found) = records.next() else { return Ok(layout) };
        let fields = records.len();
        let mend = "set --delimiter and --quote, if the guess is wrong";
        if !found.closed {
            return Err(Failure::new("unterminated quoted field in the first record").mend(mend));
        }
        if fields > MAX_COLUMNS {
            let what = format!("first record has {fields} fields, a table has at most {MAX_COLUMNS} columns");
            return Err(Failure::new(what).mend(mend));
        }
        if let (None, Some((most, lines))) = (options.header(), dialect.detect_prelude(&block.text)) {
            let what =
                format!("line {} has {fields} fields, but most others have {most}", block.line + found.line);
            let mend = match block.text[found.range.start] {
                b'#' if options.comment.is_none() => "add --comment '#' if that line is a comment".into(),
                _ => format!("if the table begins further down, add --skip {}", block.line - 1 + lines),
            };
            return Err(Failure::new(what)
                .mend(mend)
                .and("or add --header or --no-header to read the lines as they are"));
        }
        let layout = Self { dialect: dialect.with_fields(fields), fields, ..layout };
        if block.text[found.range.start] == b'#' && options.comment.is_none() {
            let (file, line) = (path.display(), block.line + found.line);
            tracing::warn!(%file, line, "the line begins with #; if it is a comment, add --comment '#'");
        }
        let guess = header::guess(&block.text, dialect);
        let is_header = options.header().unwrap_or(guess.is_header);
        if guess.is_doubtful && options.header().is_none() {
            let taken = if is_header { "as column names" } else { "as a row" };
            let (file, line) = (path.display(), block.line + found.line);
            tracing::warn!(%file, line, "the first record is read {taken}; if that is wrong, add --header or --no-header");
        }
        if !is_header {
            return Ok(layout);
        }
        let names = records.fields().map(|field| String::from_utf8_lossy(field.bytes).into_owned()).collect();
        let lines = memchr_iter(b'\n', &block.text[..found.range.end]).count() as u64;
        let begin = (block.from + found.range.end as u64, block.line + lines);
        Ok(Self { header: Some(names), begin, ..layout })
    }

    /// Returns the parts into which the file is cut for loading.
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

    /// Returns the blocks of a part that ends at `to`, from a byte and line on.
    pub fn blocks(
        &self,
        to: Option<i64>,
        (at, line): (i64, i64),
        size: usize,
    ) -> io::Result<Blocks<Box<dyn Read + Send>>> {
        let input = self.form.open(&self.path, at as u64)?;
        let length = to.map_or(u64::MAX, |to| (to - at).max(0) as u64);
        let blocks = Blocks::new(
            Box::new(input.take(length)) as Box<dyn Read + Send>,
            self.dialect,
            size,
            (at as u64, line as u64),
        );
        Ok(blocks.leaving_unfinished(self.leave_unfinished))
    }
}

/// Reads the first records after the lines to skip, enough to detect the dialect.
fn first_block(path: &Path, form: &Form, quoting: Dialect, skip: u64) -> io::Result<Block> {
    let mut input = BufReader::new(form.open(path, 0)?);
    let (mut from, mut line) = (form.text_start(), 1);
    while line <= skip {
        match input.skip_until(b'\n')? {
            0 => break,
            n => (from, line) = (from + n as u64, line + 1),
        }
    }
    let first = Blocks::new(input, quoting, SAMPLE, (from, line)).next()?;
    Ok(first.unwrap_or(Block { text: Vec::new(), from, line, passed: 0 }))
}

fn has_only_returns(text: &[u8]) -> bool {
    memchr(b'\n', text).is_none() && memchr(b'\r', text).is_some_and(|n| n + 1 < text.len())
}

fn encoding(options: &CsvOptions) -> Result<Option<&'static Encoding>, Failure> {
    let Some(label) = &options.encoding else { return Ok(None) };
    let found = Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Failure::usage(format!("unknown encoding {label:?}")).mend("try windows-1252 or utf-16le")
    });
    found.map(Some)
}
