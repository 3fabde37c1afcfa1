//! CSV files: how they are written, what types their columns have, and their records as rows.

mod block;
mod check;
mod detect;
mod dialect;
mod encode;
mod header;
mod layout;
mod reader;
mod record;
mod scan;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tally_postgres::pgtype::moment::Moment;

use crate::config::{Column, ColumnType};
use crate::decode::Reject;
use crate::files::batch::{BatchReader, FileBatch};
use crate::files::format::{Contents, FileFormat, Input, RefusedRecord};
use crate::files::input::FileIdentity;
use crate::files::limits::Limits;
use crate::files::part::Part;
use crate::Failure;
use layout::CsvLayout;
use record::CsvField;

/// Options about the files, beyond what they show themselves.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "CSV")]
pub struct CsvOptions {
    /// Field delimiter: one character, or \t [default: what the file seems to have, of , ; \t |]
    #[arg(long, value_name = "CHAR", value_parser = byte)]
    pub delimiter: Option<u8>,
    /// Quote character
    #[arg(long, value_name = "CHAR", value_parser = byte, default_value = "\"")]
    pub quote: u8,
    /// Escape character inside of quotes [default: the quote]
    #[arg(long, value_name = "CHAR", value_parser = byte)]
    pub escape: Option<u8>,
    /// The first line names the columns [default: if it looks like it]
    #[arg(long, conflicts_with = "no_header")]
    header: bool,
    /// The first line is a row
    #[arg(long)]
    no_header: bool,
    /// Lines to pass over at the beginning
    #[arg(long, value_name = "LINES", default_value_t = 0)]
    pub skip: u64,
    /// Lines that begin with it are no records
    #[arg(long, value_name = "CHAR", value_parser = byte)]
    pub comment: Option<u8>,
    /// Leave a last line that no newline ends to a later run: the file is still being written
    #[arg(long)]
    pub wait_for_newline: bool,
    /// Text that means NULL when it is not quoted, besides the empty field
    #[arg(long, value_name = "TEXT")]
    pub null: Option<String>,
    /// The encoding, such as windows-1252 or utf-16le [default: by the file's mark, else UTF-8]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// The columns that the fields go to, in their order [default: as the header names them]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// The offset of times that are written without one, for timestamptz: UTC or +01:00
    #[arg(long, value_name = "OFFSET", value_parser = offset, allow_hyphen_values = true)]
    pub time_zone: Option<i64>,
}

impl CsvOptions {
    fn header(&self) -> Option<bool> {
        (self.header || self.no_header).then_some(self.header)
    }
}

fn byte(text: &str) -> Result<u8, String> {
    match (text, text.as_bytes()) {
        ("\\t", _) => Ok(b'\t'),
        (_, [byte]) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err("one ASCII character, not a line's end".into()),
    }
}

fn offset(text: &str) -> Result<i64, String> {
    match Moment::parse(format!("2000-01-01 00:00{}", text.replace("UTC", "Z")).as_bytes()) {
        Ok(Moment::Timestamptz(micros)) => Ok(-micros),
        _ => Err("UTC, or an offset such as +01:00".into()),
    }
}

/// Appends a text as a field of a column, or NULL.
pub fn append_text(column: &Column, text: Option<&str>, out: &mut Vec<u8>) -> Result<(), Reject> {
    let field = CsvField { bytes: text.unwrap_or_default().as_bytes(), quoted: true };
    encode::append(column, field, text.is_none(), None, out)
}

/// The text that stands for NULL.
#[derive(Debug, Clone)]
pub struct Nulls(Option<Vec<u8>>);

impl Nulls {
    /// Whether this field does.
    pub fn is_null(&self, field: CsvField) -> bool {
        !field.quoted && (field.bytes.is_empty() || self.0.as_deref().is_some_and(|null| null == field.bytes))
    }
}

/// The format.
#[derive(Debug, Clone)]
pub struct Csv(pub CsvOptions, pub Limits);

impl FileFormat for Csv {
    fn endings(&self) -> &'static [&'static str] {
        &["csv", "tsv", "txt"]
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Input>, Failure> {
        let layout = CsvLayout::of(path, &self.0, self.1)?;
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
                format!("--columns names {} columns, but there are {} fields", given.len(), layout.fields);
            return Err(Failure::usage(what).at(layout.path.display()));
        }
        Ok(Some(given.clone()))
    }
}

/// A file of CSV.
struct CsvFile {
    layout: CsvLayout,
    names: Option<Vec<String>>,
    options: CsvOptions,
}

impl CsvFile {
    fn nulls(&self) -> Nulls {
        Nulls(self.options.null.as_ref().map(|null| null.clone().into_bytes()))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::new(error).at(self.layout.path.display())
    }
}

impl Input for CsvFile {
    fn path(&self) -> &PathBuf {
        &self.layout.path
    }

    fn identity(&self) -> &FileIdentity {
        &self.layout.identity
    }

    fn may_grow(&self) -> bool {
        self.layout.form.is_plain()
    }

    fn ends_with_line(&self, position: i64) -> io::Result<bool> {
        let position = u64::try_from(position).unwrap_or(0);
        if position <= self.layout.form.text_start() {
            return Ok(true);
        }
        let mut last = [0];
        self.layout.form.open(&self.layout.path, position - 1)?.read_exact(&mut last)?;
        Ok(last == *b"\n")
    }

    fn describe(&self) -> String {
        let CsvLayout { form, dialect, header, .. } = &self.layout;
        let delimiter = char::from(dialect.delimiter).escape_default();
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
        self.layout.parts()
    }

    fn types(&self) -> Option<&[ColumnType]> {
        None
    }

    fn scan(&self, part: &Part, progress: &dyn Fn(u64)) -> Result<Contents, Failure> {
        scan::scan(&self.layout, part, &self.nulls(), progress).map_err(|e| self.failure(&e))
    }

    fn read(
        &self,
        part: &Part,
        next: (i64, i64),
        columns: &[Column],
    ) -> Result<Box<dyn BatchReader + '_>, Failure> {
        let zone = self.options.time_zone;
        let reader = reader::CsvReader::new(&self.layout, part, next, columns, self.nulls(), zone);
        Ok(Box::new(reader.map_err(|e| self.failure(&e))?))
    }

    fn again(&self, letters: &[RefusedRecord], columns: &[Column]) -> Result<FileBatch, Failure> {
        Ok(reader::again(&self.layout, letters, columns, self.nulls(), self.options.time_zone))
    }
}
