//! Reports of a run: what the files contain, and the results on standard output.

use std::collections::BTreeMap;
use std::time::Instant;

use tally_postgres::Failure;
use tally_rows::config::TableName;
use tally_rows::definition::Definition;

use super::columns::{in_table, DeclaredTypes};
use super::replay::Replayed;
use super::start::{Candidate, EnteredFile};
use crate::pg::FoundTable;

/// Logs the detected formats, each with its number of files.
pub fn ways(candidates: &[Candidate]) {
    let mut ways: BTreeMap<String, (usize, &str)> = BTreeMap::new();
    for Candidate { input, .. } in candidates {
        ways.entry(input.describe()).or_insert((0, input.name())).0 += 1;
    }
    for (how, (files, first)) in ways.iter().take(5) {
        tracing::info!(files, first, "read as {how}");
    }
}

/// Logs the bad records that the scan found.
pub fn files(candidates: &[Candidate]) {
    for Candidate { input, contents, .. } in candidates {
        let Some(contents) = contents else { continue };
        if let Some((line, reject)) = &contents.first_bad {
            let (file, bad) = (input.name(), contents.bad);
            tracing::warn!(
                file,
                bad,
                "bad rows; the first is on line {line}: {} [{}]",
                reject.message,
                reject.sqlstate
            );
        }
    }
}

/// Prints what would be done.
pub fn plan(
    candidates: &[Candidate],
    found: Option<&FoundTable>,
    inferred: Option<&Definition>,
    declared: &DeclaredTypes,
) -> Result<(), Failure> {
    for Candidate { input, contents, .. } in candidates {
        let contents = contents.clone().unwrap_or_default();
        let (path, how) = (input.name(), input.describe());
        println!("-- {path}: {how}, {} rows, {} bad", contents.rows, contents.bad);
        if let (Some(found), 1..) = (found, input.fields()) {
            in_table(&**input, found, declared)?;
        }
    }
    match inferred {
        Some(definition) => {
            println!("{};", definition.create_table().replace(", ", ",\n    ").replacen("(", "(\n    ", 1))
        }
        None => println!("-- the table exists already"),
    }
    Ok(())
}

/// Returns the result of retrying dead letters.
pub fn replayed(Replayed { stored, left }: &Replayed) -> String {
    format!("stored {stored} of {} bad rows; {left} remain in loader.file_dead_letters", stored + left)
}

/// The numbers that a run is measured by.
pub struct FilesSummary {
    files: usize,
    loaded_before: usize,
    table: TableName,
    begin: Instant,
}

impl FilesSummary {
    /// Begins the summary of a run with these files.
    pub fn new(entered: &[EnteredFile], table: TableName, begin: Instant) -> Self {
        let loaded_before = entered.iter().filter(|file| file.open.is_empty()).count();
        Self { files: entered.len(), loaded_before, table, begin }
    }

    /// Returns the last line of a run's output.
    pub fn text(&self, rows: u64, dead_letters: u64) -> String {
        let seconds = self.begin.elapsed().as_secs_f64();
        let files = self.files - self.loaded_before;
        let mut text = format!("loaded {rows} rows of {files} files into {} in {seconds:.1} s", self.table);
        if dead_letters > 0 {
            text += &format!("; {dead_letters} bad rows are in loader.file_dead_letters");
        }
        if self.loaded_before > 0 {
            text += &format!("; {} files were loaded before", self.loaded_before);
        }
        text
    }
}
