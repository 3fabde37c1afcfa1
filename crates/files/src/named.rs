//! Columns that are filled from the names of files.

use std::io;

use regex::Regex;
use tally_postgres::pgtype::copy::begin_row;
use tally_postgres::Failure;
use tally_rows::config::{Column, ColumnType};
use tally_rows::decode::Rows;

use super::batch::{BatchReader, FileBatch};
use super::csv;
use super::format::{Contents, Input, RefusedRecord};
use super::infer::{ColumnEvidence, Evidence, SeenColumn};
use super::input::FileSource;
use super::part::Part;

/// The columns that are filled from the files' names.
#[derive(Debug, Clone, clap::Args)]
pub struct Naming {
    /// Store each file's name, without its extensions, in this column
    #[arg(long, value_name = "COLUMN")]
    file_column: Option<String>,
    /// Store what the named groups of this regular expression match in each file's path in columns of the same names:
    /// '(?<series>[^/]+)[.]csv'
    #[arg(long, value_name = "REGEX")]
    file_pattern: Option<Regex>,
}

impl Naming {
    /// Adds these columns to the file's own.
    pub fn apply(&self, input: Box<dyn Input>) -> Result<Box<dyn Input>, Failure> {
        let values = self.values(input.name())?;
        if values.is_empty() || input.fields() == 0 {
            return Ok(input);
        }
        let fail = |what: String, mend: &str| Err(Failure::usage(what).at(input.name()).mend(mend));
        let Some(names) = input.names() else {
            return fail("fields have no names".into(), "name the fields with --columns");
        };
        if let Some((name, _)) = values.iter().find(|(name, _)| names.contains(name)) {
            return fail(
                format!("file already has a field {name:?}"),
                "choose another column for the file's name",
            );
        }
        let names = names.iter().chain(values.iter().map(|(name, _)| name)).cloned().collect();
        let text = values.iter().map(|_| ColumnType::Text);
        let types = input.types().map(|types| types.iter().copied().chain(text).collect());
        let values = values.into_iter().map(|(_, value)| value).collect();
        Ok(Box::new(Named { input, names, types, values }))
    }

    /// Returns the columns and their values for a file; NULL where a group matches nothing.
    fn values(&self, path: &str) -> Result<Vec<(String, Option<String>)>, Failure> {
        let mut values = Vec::new();
        if let Some(column) = &self.file_column {
            values.push((column.clone(), Some(stem(path))));
        }
        if let Some(pattern) = &self.file_pattern {
            let Some(found) = pattern.captures(path) else {
                let mend = "pass only files that match, or change the pattern";
                return Err(Failure::usage("path does not match --file-pattern").at(path).mend(mend));
            };
            let value = |name: &str| found.name(name).map(|group| group.as_str().to_string());
            let names = pattern.capture_names().flatten();
            values.extend(names.map(|name| (name.to_string(), value(name))));
            if pattern.capture_names().flatten().next().is_none() {
                let mend = "write a group as (?<name>...)";
                return Err(Failure::usage("--file-pattern has no named group").mend(mend));
            }
        }
        Ok(values)
    }
}

/// Returns a file's name without its extension, and without that of a compressed file.
fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_string()
}

/// A file whose rows get further fields, the same in each row.
struct Named {
    input: Box<dyn Input>,
    names: Vec<String>,
    types: Option<Vec<ColumnType>>,
    values: Vec<Option<String>>,
}

impl Input for Named {
    fn source(&self) -> &FileSource {
        self.input.source()
    }

    fn may_grow(&self) -> bool {
        self.input.may_grow()
    }

    fn ends_with_line(&self, position: i64) -> io::Result<bool> {
        self.input.ends_with_line(position)
    }

    fn bytes_of(&self, positions: i64) -> u64 {
        self.input.bytes_of(positions)
    }

    fn describe(&self) -> String {
        self.input.describe()
    }

    fn fields(&self) -> usize {
        self.names.len()
    }

    fn names(&self) -> Option<&[String]> {
        Some(&self.names)
    }

    fn self_named(&self) -> Option<usize> {
        self.input.self_named()
    }

    fn types(&self) -> Option<&[ColumnType]> {
        self.types.as_deref()
    }

    fn parts(&self) -> Result<Vec<Part>, Failure> {
        self.input.parts()
    }

    fn scan(&self, part: &Part, progress: &dyn Fn(u64)) -> Result<Contents, Failure> {
        let mut contents = self.input.scan(part, progress)?;
        let is_named = self.self_named().is_some();
        contents.columns.extend(self.names[self.input.fields()..].iter().map(|name| SeenColumn {
            name: is_named.then(|| name.clone()),
            evidence: Evidence::Text(ColumnEvidence::of_text()),
        }));
        Ok(contents)
    }

    fn read(
        &self,
        part: &Part,
        next: (i64, i64),
        columns: &[Column],
    ) -> Result<Box<dyn BatchReader + '_>, Failure> {
        let (own, end) = self.split(columns)?;
        Ok(Box::new(NamedReader { reader: self.input.read(part, next, own)?, end }))
    }

    fn again(&self, letters: &[RefusedRecord], columns: &[Column]) -> Result<FileBatch, Failure> {
        let (own, end) = self.split(columns)?;
        let mut batch = self.input.again(letters, own)?;
        end.add_to(&mut batch.rows);
        Ok(batch)
    }
}

impl Named {
    /// Separates the columns of the file's own fields from the others, whose values it encodes.
    fn split<'c>(&self, columns: &'c [Column]) -> Result<(&'c [Column], NamedValues), Failure> {
        let (own, named) = columns.split_at(columns.len() - self.values.len());
        let mut end = NamedValues { fields: columns.len(), bytes: Vec::new() };
        for (column, value) in named.iter().zip(&self.values) {
            csv::append_text(column, value.as_deref(), &mut end.bytes).map_err(|reject| {
                let what = format!("column {:?} from the file's name: {}", column.name, reject.message);
                Failure::usage(what).at(self.name())
            })?;
        }
        Ok((own, end))
    }
}

/// The values that every row of a file ends with.
struct NamedValues {
    /// Number of fields of a row, these values included.
    fields: usize,
    bytes: Vec<u8>,
}

impl NamedValues {
    fn add_to(&self, rows: &mut Rows) {
        let mut count = Vec::new();
        begin_row(self.fields, &mut count);
        let mut longer = Rows::like(rows);
        for i in 0..rows.len() {
            longer.copy.extend_from_slice(&count);
            longer.copy.extend_from_slice(&rows.slice(i, i + 1)[count.len()..]);
            longer.copy.extend_from_slice(&self.bytes);
            longer.end_row(rows.message(i));
        }
        *rows = longer;
    }
}

/// A reader that appends the values to each row.
struct NamedReader<'i> {
    reader: Box<dyn BatchReader + 'i>,
    end: NamedValues,
}

impl BatchReader for NamedReader<'_> {
    fn next(&mut self) -> Result<Option<FileBatch>, Failure> {
        let mut batch = self.reader.next()?;
        if let Some(batch) = &mut batch {
            self.end.add_to(&mut batch.rows);
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_from_names() {
        let naming = |column: Option<&str>, pattern: Option<&str>| Naming {
            file_column: column.map(str::to_string),
            file_pattern: pattern.map(|p| Regex::new(p).unwrap()),
        };
        let values = |naming: Naming, path: &str| naming.values(path);
        let own = |name: &str, value: &str| (name.to_string(), Some(value.to_string()));
        assert_eq!(values(naming(Some("s"), None), "/d/a.b.csv.gz").unwrap(), [own("s", "a.b")]);
        assert_eq!(values(naming(Some("s"), None), "/d/plain").unwrap(), [own("s", "plain")]);
        let two = r"(?<kind>\w+)/(?<day>[0-9-]+)(?<rest>x)?\.csv";
        assert_eq!(
            values(naming(None, Some(two)), "/d/spot/2024-02-29.csv").unwrap(),
            [own("kind", "spot"), own("day", "2024-02-29"), ("rest".into(), None)]
        );
        let said = |pattern| values(naming(None, Some(pattern)), "/d/a.csv").unwrap_err().to_string();
        assert!(said(two).contains("does not match"));
        assert!(said("a").contains("no named group"));
    }
}
