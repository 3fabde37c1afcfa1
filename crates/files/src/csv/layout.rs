//! The layout of a CSV file, detected from its beginning.

use std::io::{self, BufRead, BufReader};

use encoding_rs::Encoding;
use memchr::{memchr, memchr_iter};
use tally_postgres::Failure;

use super::dialect::Dialect;
use super::header;
use super::record::Records;
use super::CsvOptions;
use crate::input::{FileSource, Form};
use crate::limits::Limits;
use crate::text::{Block, Blocks, TextFile};

/// Number of bytes of a file to examine, unless its first record is longer.
const SAMPLE: usize = 64 << 10;
/// Number of columns that a table of PostgreSQL has at most.
const MAX_COLUMNS: usize = 1600;

/// A file and how to read it.
pub struct CsvLayout {
    /// The text, with the dialect of its records.
    pub text: TextFile<Dialect>,
    /// The names in its header line.
    pub header: Option<Vec<String>>,
    /// Number of fields of its records; 0 if it has no records.
    pub fields: usize,
}

impl CsvLayout {
    /// Detects the layout of a file.
    pub fn of(source: FileSource, options: &CsvOptions, limits: Limits) -> Result<Self, Failure> {
        let name = source.name().to_string();
        Self::detect(source, options, limits).map_err(|failure| failure.at(name))
    }

    fn detect(source: FileSource, options: &CsvOptions, limits: Limits) -> Result<Self, Failure> {
        let form = Form::detect(&source, encoding(options)?, limits).map_err(Failure::new)?;
        let quoting = Dialect {
            quote: options.quote,
            escape: options.escape.unwrap_or(options.quote),
            delimiter: options.delimiter.unwrap_or(b','),
            comment: options.comment,
            skip_blank_lines: true,
        };
        let block = first_block(&source, &form, quoting, options.skip).map_err(Failure::new)?;
        check_lines(&block)?;
        let dialect = match options.delimiter {
            Some(_) => quoting,
            None => quoting.detect_delimiter(&block.text, options.decimal),
        };
        let name = source.name().to_string();
        let text = TextFile {
            source,
            form,
            rule: dialect,
            begin: (block.from, block.line),
            leave_unfinished: options.wait_for_newline && form.is_plain(),
        };
        let layout = Self { text, header: None, fields: 0 };
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
        let text = TextFile { rule: dialect.with_fields(fields), ..layout.text };
        let layout = Self { text, fields, ..layout };
        if block.text[found.range.start] == b'#' && options.comment.is_none() {
            let line = block.line + found.line;
            tracing::warn!(
                file = name,
                line,
                "the line begins with #; if it is a comment, add --comment '#'"
            );
        }
        let guess = header::guess(&block.text, dialect, &options.notation());
        let is_header = options.header().unwrap_or(guess.is_header);
        if guess.is_doubtful && options.header().is_none() {
            let taken = if is_header { "as column names" } else { "as a row" };
            let line = block.line + found.line;
            tracing::warn!(
                file = name,
                line,
                "the first record is read {taken}; if that is wrong, add --header or --no-header"
            );
        }
        if !is_header {
            return Ok(layout);
        }
        let names = records.fields().map(|field| String::from_utf8_lossy(field.bytes).into_owned()).collect();
        let lines = memchr_iter(b'\n', &block.text[..found.range.end]).count() as u64;
        let begin = (block.from + found.range.end as u64, block.line + lines);
        Ok(Self { header: Some(names), text: TextFile { begin, ..layout.text }, ..layout })
    }
}

/// Checks that a file begins with lines.
fn check_lines(block: &Block) -> Result<(), Failure> {
    if block.passed > 0 {
        return Err(Failure::new("first line is longer than 8 MiB").mend("check that the file is CSV"));
    }
    if has_only_returns(&block.text) {
        return Err(Failure::new("lines end with carriage returns only")
            .mend("convert the file, for instance with tr '\\r' '\\n'"));
    }
    Ok(())
}

/// Reads the first records after the lines to skip, enough to detect the dialect.
fn first_block(source: &FileSource, form: &Form, quoting: Dialect, skip: u64) -> io::Result<Block> {
    let mut input = BufReader::new(form.open(source, 0)?);
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
