//! Parquet files: their columns' types, and their rows.

mod encode;
mod json;
mod reader;
mod schema;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::config::{Column, ColumnType};
use crate::failure::Failure;
use crate::files::batch::BatchReader;
use crate::files::format::{Contents, Format, Input};
use crate::files::input::Identity;
use crate::files::part::Part;
use schema::Field;

/// The format.
#[derive(Debug, Clone, Copy)]
pub struct Parquet;

impl Format for Parquet {
    fn endings(&self) -> &'static [&'static str] {
        &["parquet"]
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Input>, Failure> {
        let at = |failure: Failure| failure.at(path.display());
        let identity = Identity::of(path).map_err(|e| at(Failure::new(e)))?;
        let (fields, groups) = read(path).map_err(at)?;
        let names = fields.iter().map(|field| field.name.clone()).collect();
        let types = fields.iter().map(|field| field.kind).collect();
        Ok(Box::new(File { path: path.into(), identity, fields, names, types, groups }))
    }
}

/// A file's columns, and how many rows each of its row groups has.
fn read(path: &Path) -> Result<(Vec<Field>, Vec<i64>), Failure> {
    let reader = fs::File::open(path).map_err(ParquetError::from).and_then(SerializedFileReader::new);
    let reader = reader.map_err(|e| Failure::new(e).mend("check that it is Parquet"))?;
    let metadata = reader.metadata();
    let groups = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    let fields = schema::fields(metadata.file_metadata().schema()).map_err(Failure::new)?;
    Ok((fields, groups))
}

/// A file of Parquet. Its parts are its row groups, its positions are rows.
struct File {
    path: PathBuf,
    identity: Identity,
    fields: Vec<Field>,
    names: Vec<String>,
    types: Vec<ColumnType>,
    groups: Vec<i64>,
}

impl File {
    /// Where each row group begins.
    fn begins(&self) -> impl Iterator<Item = i64> + '_ {
        self.groups.iter().scan(0, |next, rows| {
            let begin = *next;
            *next += rows;
            Some(begin)
        })
    }
}

impl Input for File {
    fn path(&self) -> &PathBuf {
        &self.path
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn may_grow(&self) -> bool {
        false
    }

    fn ends_with_line(&self, _: i64) -> io::Result<bool> {
        Ok(false)
    }

    fn bytes_of(&self, positions: i64) -> u64 {
        let rows = self.groups.iter().sum::<i64>().max(1);
        (self.identity.size as f64 * (positions as f64 / rows as f64)) as u64
    }

    fn describe(&self) -> String {
        format!("Parquet, {} row groups, {} rows", self.groups.len(), self.groups.iter().sum::<i64>())
    }

    fn fields(&self) -> usize {
        self.fields.len()
    }

    fn names(&self) -> Option<&[String]> {
        Some(&self.names)
    }

    fn types(&self) -> Option<&[ColumnType]> {
        Some(&self.types)
    }

    fn parts(&self) -> Result<Vec<Part>, Failure> {
        let parts = self.begins().zip(&self.groups).filter(|(_, rows)| **rows > 0);
        let parts: Vec<Part> =
            parts.map(|(from, rows)| Part { from, to: Some(from + rows), line: from + 1 }).collect();
        // A file without rows is entered as well.
        Ok(if parts.is_empty() { vec![Part { from: 0, to: Some(0), line: 1 }] } else { parts })
    }

    fn scan(&self, _: &Part, _: &dyn Fn(u64)) -> Result<Contents, Failure> {
        Ok(Contents::default())
    }

    fn read(
        &self,
        part: &Part,
        next: (i64, i64),
        columns: &[Column],
    ) -> Result<Box<dyn BatchReader + '_>, Failure> {
        let full = |(_, (from, rows)): &(usize, (i64, &i64))| *from == part.from && **rows > 0;
        let group = self.begins().zip(&self.groups).enumerate().find(full).map_or(usize::MAX, |(i, _)| i);
        let reader = reader::Reader::new(&self.path, (group, part.from), next.0, &self.fields, columns);
        Ok(Box::new(reader.map_err(|e| Failure::new(e).at(self.path.display()))?))
    }
}
