//! Files of JSON records, one a line.

mod reader;
mod scan;

use std::io;

use encoding_rs::UTF_8;
use memchr::memrchr;
use tally_postgres::Failure;
use tally_rows::config::{Column, ColumnType};

use crate::batch::{BatchReader, FileBatch};
use crate::format::{Contents, FileFormat, Input, RefusedRecord};
use crate::input::{FileSource, Form};
use crate::limits::Limits;
use crate::part::Part;
use crate::text::{Newlines, RecordRule, TextFile, BLOCK};

/// Options about the files.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "NDJSON")]
pub struct NdjsonOptions {
    /// Leave an unfinished last line, one without a newline, to a later run: for files that are still being written
    #[arg(long)]
    pub wait_for_newline: bool,
}

/// The format NDJSON.
#[derive(Debug, Clone, Copy)]
pub struct Ndjson(pub NdjsonOptions, pub Limits);

/// Every newline ends a record: within JSON they are escaped.
#[derive(Debug, Clone, Copy)]
pub struct Lines;

impl RecordRule for Lines {
    fn last_end(&self, text: &[u8]) -> Option<usize> {
        memrchr(b'\n', text).map(|n| n + 1)
    }

    fn newlines(&self) -> Newlines {
        Newlines::All
    }
}

impl FileFormat for Ndjson {
    fn endings(&self) -> &'static [&'static str] {
        &["ndjson", "jsonl"]
    }

    fn open(&self, source: FileSource) -> Result<Box<dyn Input>, Failure> {
        let Self(options, limits) = *self;
        let name = source.name().to_string();
        let at = |failure: Failure| failure.at(&name);
        let form = Form::detect(&source, Some(UTF_8), limits).map_err(|e| at(Failure::new(e)))?;
        let text = TextFile {
            begin: (form.text_start(), 1),
            leave_unfinished: options.wait_for_newline && form.is_plain(),
            rule: Lines,
            source,
            form,
        };
        let names = scan::first_names(&text).map_err(at)?;
        Ok(Box::new(NdjsonFile { text, names }))
    }
}

/// A file of JSON records.
struct NdjsonFile {
    text: TextFile<Lines>,
    /// The fields of its first records, in the order of their first occurrence.
    names: Vec<String>,
}

impl Input for NdjsonFile {
    fn source(&self) -> &FileSource {
        &self.text.source
    }

    fn may_grow(&self) -> bool {
        self.text.may_grow()
    }

    fn ends_with_line(&self, position: i64) -> io::Result<bool> {
        self.text.ends_with_line(position)
    }

    fn describe(&self) -> String {
        format!("{}, a JSON record a line", self.text.form.encoding.name())
    }

    fn fields(&self) -> usize {
        self.names.len()
    }

    fn names(&self) -> Option<&[String]> {
        Some(&self.names)
    }

    fn self_named(&self) -> Option<usize> {
        Some(self.names.len())
    }

    fn types(&self) -> Option<&[ColumnType]> {
        None
    }

    fn parts(&self) -> Result<Vec<Part>, Failure> {
        self.text.parts()
    }

    fn scan(&self, part: &Part, progress: &dyn Fn(u64)) -> Result<Contents, Failure> {
        scan::scan(&self.text, part, progress).map_err(|e| self.text.failure(e))
    }

    fn read(
        &self,
        part: &Part,
        next: (i64, i64),
        columns: &[Column],
    ) -> Result<Box<dyn BatchReader + '_>, Failure> {
        let blocks = self.text.blocks(part.to, next, BLOCK).map_err(|e| self.text.failure(e))?;
        let encoder = reader::RecordEncoder::new(&self.names, columns);
        Ok(Box::new(reader::NdjsonReader { text: &self.text, blocks, encoder }))
    }

    fn again(&self, letters: &[RefusedRecord], columns: &[Column]) -> Result<FileBatch, Failure> {
        Ok(reader::RecordEncoder::new(&self.names, columns).again(letters))
    }
}
