//! Prepares a load: finds out which files are new, and which table and columns they go to.
//!
//! First everything is read and worked out, outside a transaction; then the table and the ledger are made in one, under
//! a lock, so that two runs that start at the same time agree.

use std::collections::HashSet;

use tally_files::format::{Contents, Input};
use tally_files::part::Part;
use tally_postgres::Failure;
use tally_rows::config::{Column, PartitionBy, TableName, UnknownFields};
use tally_rows::definition::Definition;
use tokio_postgres::{Client, Transaction};

use super::columns::{for_new_table, in_table, DeclaredTypes};
use super::ledger::{self, Entry, FileState};
use super::left_out::LeftOut;
use super::parallel::parallel;
use super::progress::StepProgress;
use crate::pg::{self, FoundTable};

/// A file of the run.
pub struct Candidate {
    /// The file.
    pub input: Box<dyn Input>,
    /// The parts that it may be cut into.
    pub parts: Vec<Part>,
    /// Contents as the scan saw them, if the file was scanned.
    pub contents: Option<Contents>,
}

impl Candidate {
    /// Creates a candidate that is still to be scanned.
    pub fn new(input: Box<dyn Input>) -> Result<Self, Failure> {
        let parts = input.parts()?;
        Ok(Self { input, parts, contents: None })
    }
}

/// The user's wishes about the table.
#[derive(Clone, Copy)]
pub struct Wishes<'a> {
    /// Types of columns.
    pub declared: &'a DeclaredTypes,
    /// The partitions to make.
    pub partition_by: Option<&'a PartitionBy>,
}

/// The state of the database before the run.
pub struct Before {
    /// The table, with its schema.
    pub table: TableName,
    /// Whether it exists.
    pub found: Option<FoundTable>,
}

/// A file that is entered in `loader.files`.
pub struct EnteredFile {
    /// The file.
    pub input: Box<dyn Input>,
    /// The table and the columns that its fields go to.
    pub definition: Definition,
    /// Parts of the file that are not done.
    pub open: Vec<Entry>,
}

fn at(place: &str) -> impl Fn(tokio_postgres::Error) -> Failure + '_ {
    move |error| pg::failure(place, &error)
}

/// Looks up the table.
pub async fn look(client: &mut Client, table: &TableName) -> Result<Before, Failure> {
    let tx = client.transaction().await.map_err(at("database"))?;
    let before = look_in(&tx, table).await?;
    tx.rollback().await.map_err(at("database"))?;
    Ok(before)
}

async fn look_in(tx: &Transaction<'_>, table: &TableName) -> Result<Before, Failure> {
    let table = pg::qualify(tx, table.clone()).await.map_err(at("database"))?;
    let found = FoundTable::look_up(tx, &table).await?;
    Ok(Before { table, found })
}

/// Scans the rows of all files that do not declare their columns' types.
pub fn scan(
    candidates: &mut Vec<Candidate>,
    left_out: &LeftOut,
    threads: usize,
    quiet: bool,
) -> Result<(), Failure> {
    let untyped = |c: &&Candidate| c.input.types().is_none();
    let pieces: Vec<(usize, &Candidate, &Part)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| untyped(candidate))
        .flat_map(|(i, candidate)| candidate.parts.iter().map(move |part| (i, candidate, part)))
        .collect();
    let total = candidates.iter().filter(untyped).map(|c| c.input.source().size()).sum();
    let progress = StepProgress::new("scanning", total, quiet);
    let seen = parallel(threads, pieces.len(), |i| {
        let (_, candidate, part) = pieces[i];
        Ok(candidate.input.scan(part, &|bytes| progress.add(bytes)))
    })?;
    progress.finish();
    let files: Vec<usize> = pieces.iter().map(|(i, ..)| *i).collect();
    let mut unread = HashSet::new();
    for (i, contents) in files.into_iter().zip(seen) {
        let candidate = &mut candidates[i];
        match left_out.unless(candidate.input.name(), contents) {
            Some(contents) => candidate.contents.get_or_insert_default().append(contents),
            None => drop(unread.insert(i)),
        }
    }
    let mut places = 0..;
    candidates.retain(|_| !places.next().is_some_and(|i| unread.contains(&i)));
    Ok(())
}

/// Infers the definition of a new table for the files.
pub fn infer(candidates: &[Candidate], table: &TableName, wishes: Wishes<'_>) -> Result<Definition, Failure> {
    let seen: Vec<(&dyn Input, Contents)> =
        candidates.iter().map(|c| (&*c.input, c.contents.clone().unwrap_or_default())).collect();
    let columns = for_new_table(&seen, wishes.declared)?;
    if columns.is_empty() {
        return Err(Failure::new("files have neither rows nor column names")
            .at(format!("table {table}"))
            .mend("create the table, or check that these are the right files"));
    }
    if let Some(by) = wishes.partition_by {
        if !columns.iter().any(|column| column.name == by.column && column.kind().is_time()) {
            return Err(Failure::usage(format!(
                "--partition-by names {:?}, which is no column of times",
                by.column
            ))
            .mend("name a column of dates or times, or declare its type with --types"));
        }
    }
    Ok(define(table, columns, wishes.partition_by))
}

/// Creates the definition of a table whose columns are filled from fields.
pub fn define(table: &TableName, columns: Vec<Column>, partition_by: Option<&PartitionBy>) -> Definition {
    Definition {
        table: table.clone(),
        columns,
        overflow: None,
        unknown_fields: UnknownFields::Refuse,
        key: Vec::new(),
        partition_by: partition_by.cloned(),
    }
}

/// Creates the table, if it is still missing, and enters the files; returns what is left to load of each.
pub async fn enter_files(
    client: &mut Client,
    job: &str,
    candidates: Vec<Candidate>,
    left_out: &LeftOut,
    table: &TableName,
    inferred: Option<&Definition>,
    wishes: Wishes<'_>,
) -> Result<Vec<EnteredFile>, Failure> {
    let tx = client.transaction().await.map_err(at("database"))?;
    ledger::ensure_schema(&tx).await.map_err(at("schema loader"))?;
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended(format('tally files %L', $1::text), 0))";
    tx.execute(sql, &[&job]).await.map_err(at("database"))?;
    let mut before = look_in(&tx, table).await?;
    let place = format!("table {}", before.table);
    let paths: Vec<String> = candidates.iter().map(|c| c.input.name().to_string()).collect();
    let of_files = at("table loader.files");
    let table_name = String::from(before.table.clone());
    let known = ledger::entries(&tx, job, &paths).await.map_err(&of_files)?;
    if let (None, Some(definition)) = (&before.found, inferred) {
        if known.values().flatten().any(|entry| entry.is_of(&table_name)) {
            let what = format!("table does not exist, but job {job:?} has loaded these files into it");
            let mend =
                "to load the files again, delete their rows from loader.files, or choose another --job";
            return Err(Failure::new(what).at(place).mend(mend));
        }
        tx.batch_execute(&definition.create_table()).await.map_err(at(&place))?;
        before = look_in(&tx, table).await?;
    }
    let Some(found) = &before.found else {
        return Err(Failure::new("table was dropped while the load started")
            .at(place)
            .mend("run the command again"));
    };
    let mut ready = Vec::with_capacity(candidates.len());
    for Candidate { input, parts, .. } in candidates {
        let entries = known.get(input.name()).map_or(&[][..], Vec::as_slice);
        let state = ledger::compare(&*input, entries, &table_name, job);
        let is_done = |state: &FileState| *state == FileState::Same && entries.iter().all(|entry| entry.done);
        let columns = state.and_then(|state| {
            // A file without even names has no rows to check.
            let is_idle = is_done(&state) || input.fields() == 0;
            let columns = if is_idle { Vec::new() } else { in_table(&*input, found, wishes.declared)? };
            Ok((state, columns))
        });
        let Some((state, columns)) = left_out.unless(input.name(), columns) else { continue };
        match state {
            FileState::New => ledger::enter(&tx, job, &*input, &parts, &table_name).await,
            FileState::Grown => ledger::extend(&tx, job, &*input).await,
            FileState::Same => Ok(()),
        }
        .map_err(&of_files)?;
        ready.push((input, columns));
    }
    if ready.is_empty() {
        left_out.verdict()?;
    }
    let mut known = ledger::entries(&tx, job, &paths).await.map_err(&of_files)?;
    let mut entered = Vec::with_capacity(ready.len());
    for (input, columns) in ready {
        let mut open = known.remove(input.name()).unwrap_or_default();
        open.retain(|entry| !entry.done);
        let definition = define(&before.table, columns, wishes.partition_by);
        if !definition.columns.is_empty() {
            found.check(&definition)?;
        }
        entered.push(EnteredFile { input, definition, open });
    }
    tx.commit().await.map_err(at("database"))?;
    Ok(entered)
}
