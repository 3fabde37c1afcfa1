//! CSV files: their dialect, the types of their columns, and their records as rows.

mod check;
mod date_format;
mod detect;
mod dialect;
mod encode;
mod ends;
mod header;
mod layout;
mod notation;
mod reader;
mod record;
mod scan;

use std::io;

use tally_postgres::pgtype::moment::Moment;
use tally_postgres::Failure;
use tally_rows::config::{Column, ColumnType};
use tally_rows::decode::Reject;

use crate::batch::{BatchReader, FileBatch};
use crate::format::{Contents, FileFormat, Input, RefusedRecord};
use crate::input::FileSource;
use crate::limits::Limits;
use crate::part::Part;
use crate::text::TextFile;
use date_format::DateFormat;
use dialect::Comment;
use layout::CsvLayout;
use notation::Notation;
use record::CsvField;

/// Options about the files, beyond what they show themselves.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "CSV")]
pub struct CsvOptions {
    /// Field delimiter: one character, or \t [default: detected from the file, one of , ; \t |]
    #[arg(long, value_name = "CHAR", value_parser = byte)]
    pub delimiter: Option<u8>,
    /// Quote character
    #[arg(long, value_name = "CHAR", value_parser = byte, default_value = "\"")]
    pub quote: u8,
    /// Escape character inside quotes [default: the quote character]
    #[arg(long, value_name = "CHAR", value_parser = byte)]
    pub escape: Option<u8>,
    /// Read the first line as column names [default: detected from the file]
    #[arg(long, conflicts_with = "no_header")]
    header: bool,
    /// Read the first line as a row
    #[arg(long)]
    no_header: bool,
    /// Number of lines to skip at the start of each file
    #[arg(long, value_name = "LINES", default_value_t = 0)]
    pub skip: u64,
    /// Beginning of lines that are comments and are ignored, such as # or //
    #[arg(long, value_name = "PREFIX")]
    pub comment: Option<Comment>,
    /// Leave an unfinished last line, one without a newline, to a later run: for files that are still being written
    #[arg(long)]
    pub wait_for_newline: bool,
    /// Unquoted text that means NULL, besides the empty field
    #[arg(long, value_name = "TEXT")]
    pub null: Option<String>,
    /// Encoding of the files, such as windows-1252 or utf-16le [default: by the byte order mark, else UTF-8]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Columns that the fields go to, in order [default: those that the header names]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Offset from UTC of times that are written without one, for timestamptz columns: UTC, or such as +01:00
    #[arg(long, value_name = "OFFSET", value_parser = offset, allow_hyphen_values = true)]
    pub time_zone: Option<i64>,
    /// Format of dates and times besides ISO 8601, such as DD.MM.YYYY, 'MM/DD/YYYY HH12:MI AM' or %d.%m.%Y; may be repeated
    #[arg(long, value_name = "FORMAT")]
    date_format: Vec<DateFormat>,
    /// Sign between the whole and the fraction of a number: . or ,
    #[arg(long, value_name = "CHAR", default_value = ".", value_parser = decimal)]
    pub decimal: char,
}

impl CsvOptions {
    fn header(&self) -> Option<bool> {
        (self.header || self.no_header).then_some(self.header)
    }

    fn notation(&self) -> Notation {
        Notation { decimal: self.decimal, dates: self.date_format.clone(), zone: self.time_zone }
    }
}

fn byte(text: &str) -> Result<u8, String> {
    match (text, text.as_bytes()) {
        ("\\t", _) => Ok(b'\t'),
        (_, [byte]) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err("must be a single ASCII character, not a line break".into()),
    }
}

fn decimal(text: &str) -> Result<char, String> {
    match text {
        "." => Ok('.'),
        "," => Ok(','),
        _ => Err("must be . or ,".into()),
    }
}

fn offset(text: &str) -> Result<i64, String> {
    match Moment::parse(format!("2000-01-01 00:00{}", text.replace("UTC", "Z")).as_bytes()) {
        Ok(Moment::Timestamptz(micros)) => Ok(-micros),
        _ => Err("must be UTC, or an offset such as +01:00".into()),
    }
}

/// Appends a text as a field of a column, or NULL.
pub fn append_text(column: &Column, text: Option<&str>, out: &mut Vec<u8>) -> Result<(), Reject> {
    let field = CsvField { bytes: text.unwrap_or_default().as_bytes(), quoted: true };
    encode::append(column, field, text.is_none(), &Notation::default(), out)
}

/// The text that stands for NULL.
#[derive(Debug, Clone)]
pub struct Nulls(Option<Vec<u8>>);

impl Nulls {
    /// Whether this field means NULL.
    pub fn is_null(&self, field: CsvField) -> bool {
        !field.quoted && (field.bytes.is_empty() || self.0.as_deref().is_some_and(|null| null == field.bytes))
    }
}

/// The format CSV.
#[derive(Debug, Clone)]
pub struct Csv(pub CsvOptions, pub Limits);

impl FileFormat for Csv {
    fn endings(&self) -> &'static [&'static str] {
        &["csv", "tsv", "txt"]
    }

    fn open(&self, source: FileSource) -> Result<Box<dyn Input>, Failure> {
        let layout = CsvLayout::of(source, &self.0, self.1)?;
        let names = self.names(&layout)?;
        Ok(Box::new(CsvFile { layout, names, options: self.0.clone() }))
    }
}

impl Csv {
    /// The names of the fields' columns; none if they have no names.
    fn names(&self, layout: &CsvLayout) -> Result<Option<Vec<String>>, Failure> {
        let given = &self.0.columns;
        if given.is_empty() || layout.fields == 0 {
            return Ok(layout.header.clone());
        }
        if given.len() != layout.fields {
            let what =
                format!("--columns names {} columns, but records have {} fields", given.len(), layout.fields);
            return Err(Failure::usage(what).at(layout.text.source.name()));
        }
        Ok(Some(given.clone()))
    }
}

/// A CSV file.
struct CsvFile {
    layout: CsvLayout,
    names: Option<Vec<String>>,
    options: CsvOptions,
}

impl CsvFile {
    fn nulls(&self) -> Nulls {
        Nulls(self.options.null.as_ref().map(|null| null.clone().into_bytes()))
    }
}

impl Input for CsvFile {
    fn source(&self) -> &FileSource {
        &self.layout.text.source
    }

    fn may_grow(&self) -> bool {
        self.layout.text.may_grow()
    }

    fn ends_with_line(&self, position: i64) -> io::Result<bool> {
        self.layout.text.ends_with_line(position)
    }

    fn describe(&self) -> String {
        let CsvLayout { text: TextFile { form, rule, .. }, header, .. } = &self.layout;
        let delimiter = char::from(rule.delimiter).escape_default();
        let header = if header.is_some() { "header" } else { "no header" };
        format!("{}, delimiter {delimiter}, {header}", form.encoding.name())
    }

    fn fields(&self) -> usize {
        self.layout.fields
    }

    fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    fn parts(&self) -> Result<Vec<Part>, Failure> {
        self.layout.text.parts()
    }

    fn types(&self) -> Option<&[ColumnType]> {
        None
    }

    fn scan(&self, part: &Part, progress: &dyn Fn(u64)) -> Result<Contents, Failure> {
        scan::scan(&self.layout, part, &self.nulls(), &self.options.notation(), progress)
            .map_err(|e| self.layout.text.failure(e))
    }

    fn read(
        &self,
        part: &Part,
        next: (i64, i64),
        columns: &[Column],
    ) -> Result<Box<dyn BatchReader + '_>, Failure> {
        let reader =
            reader::CsvReader::new(&self.layout, part, next, columns, self.nulls(), self.options.notation());
        Ok(Box::new(reader.map_err(|e| self.layout.text.failure(e))?))
    }

    fn again(&self, letters: &[RefusedRecord], columns: &[Column]) -> Result<FileBatch, Failure> {
        Ok(reader::again(&self.layout, letters, columns, self.nulls(), self.options.notation()))
    }
}
