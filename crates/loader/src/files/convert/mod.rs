//! `tally convert`: files into few large files of Parquet, perhaps sorted and divided into directories by time.
//!
//! The files are read as for a load: the scan finds the types, the readers make rows of binary COPY. A `Sorter` brings
//! them into order, and an `Output` writes them.

mod column;
mod key;
mod output;
mod partition;
mod sorter;

use std::time::Instant;

use tally_files::batch::FileBatch;
use tally_files::csv::{Csv, CsvOptions};
use tally_files::format::FileFormat;
use tally_files::limits::Limits;
use tally_files::named::Naming;
use tally_files::ndjson::{Ndjson, NdjsonOptions};
use tally_objects::{Address, Object};
use tally_postgres::pgtype::copy::{append_field, begin_row, fields};
use tally_postgres::Failure;
use tally_rows::config::Column;

use super::columns::{self, DeclaredTypes};
use super::left_out::LeftOut;
use super::progress::StepProgress;
use super::report;
use super::start::{self, Candidate};
use column::ParquetColumn;
use output::Output;
use partition::{Division, TimePart};
use sorter::Sorter;

/// The formats of the files to convert.
#[derive(clap::Subcommand)]
pub enum ConvertCommand {
    /// Convert CSV files
    Csv {
        #[command(flatten)]
        common: ConvertOptions,
        #[command(flatten)]
        options: CsvOptions,
    },
    /// Convert files of JSON records, one a line
    Ndjson {
        #[command(flatten)]
        common: ConvertOptions,
        #[command(flatten)]
        options: NdjsonOptions,
    },
}

/// Options of all formats.
#[derive(Debug, Clone, clap::Args)]
pub struct ConvertOptions {
    /// Files, directories, glob patterns, or addresses of objects; - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// Directory, or address such as s3://bucket/prices, that has no Parquet files yet
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// Divide the rows into directories by these parts of a time: year, month, day, hour
    #[arg(long, value_name = "PART,...", value_delimiter = ',')]
    partition: Vec<TimePart>,
    /// Column of the time [default: the only one]
    #[arg(long, value_name = "COLUMN", requires = "partition")]
    partition_column: Option<String>,
    /// Sort the rows by these columns, within each directory
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    sort: Vec<String>,
    /// Begin another file when one has become this large
    #[arg(long, value_name = "SIZE", default_value = "256MB", value_parser = tally_program::bytes)]
    file_size: u64,
    /// Types of columns, instead of inferred ones
    #[arg(long, value_name = "NAME=TYPE,...", value_parser = columns::declared_types)]
    types: Vec<DeclaredTypes>,
    #[command(flatten)]
    naming: Naming,
    #[command(flatten)]
    limits: Limits,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

impl ConvertCommand {
    /// Runs the command.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Csv { common, options } => convert(&common, &Csv(options, common.limits)),
            Self::Ndjson { common, options } => convert(&common, &Ndjson(options, common.limits)),
        }
    }
}

/// A place for the rows, and their order.
struct Plan {
    columns: Vec<Column>,
    division: Option<Division>,
    /// The places of the columns to sort by.
    sort: Vec<usize>,
}

fn convert(common: &ConvertOptions, format: &dyn FileFormat) -> Result<(), Failure> {
    let begin = Instant::now();
    let left_out = LeftOut::default();
    let mut candidates = super::open(&common.paths, &common.naming, format, super::cores(), &left_out)?;
    left_out.verdict()?;
    start::scan(&mut candidates, &left_out, super::cores(), common.quiet)?;
    left_out.verdict()?;
    report::files(&candidates);
    let (plan, digits) = plan(common, &candidates)?;
    let to = destination(&common.to)?;
    let made = plan.columns.iter().zip(digits).map(|(column, digits)| ParquetColumn::new(column, digits));
    let made: Vec<ParquetColumn> = made.collect();
    for (column, _) in plan.columns.iter().zip(&made).filter(|(_, made)| made.is_number_as_text()) {
        tracing::warn!(column = column.name, "the numbers have more than 38 digits or exponents and are written as text; --types makes them another type");
    }
    let output = Output::new(to, made, common.file_size)?;
    let bytes = candidates.iter().map(|candidate| candidate.input.source().size()).sum();
    let progress = StepProgress::new("converting", bytes, common.quiet);
    let (files, rows) = write(&plan, &candidates, output, &progress)?;
    progress.finish();
    let (from, seconds) = (candidates.len(), begin.elapsed().as_secs_f64());
    println!(
        "converted {rows} rows of {from} files into {files} Parquet files in {} in {seconds:.1} s",
        common.to
    );
    Ok(())
}

/// Finds out the columns, with the digits of their numbers, and what to do with the rows.
fn plan(
    common: &ConvertOptions,
    candidates: &[Candidate],
) -> Result<(Plan, Vec<Option<tally_rows::decode::Digits>>), Failure> {
    let declared: DeclaredTypes =
        common.types.iter().flatten().map(|(name, of)| (name.clone(), of.clone())).collect();
    let seen: Vec<_> =
        candidates.iter().map(|c| (&*c.input, c.contents.clone().unwrap_or_default())).collect();
    let found = columns::for_conversion(&seen, &declared)?;
    if found.is_empty() {
        return Err(Failure::new("files have neither rows nor column names"));
    }
    let (columns, digits): (Vec<Column>, Vec<_>) = found.into_iter().unzip();
    if let Some(column) = columns.iter().find(|column| column.cast().is_some()) {
        let what = format!("column {:?} cannot be {} in Parquet", column.name, column.sql_type());
        return Err(Failure::usage(what).mend("declare another type with --types"));
    }
    let place = |name: &String| {
        let place = columns.iter().position(|column| column.name == *name && key::has_order(column.kind()));
        place.ok_or_else(|| {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let what = format!("--sort names {name:?}, which is no column that can be sorted by");
            Failure::usage(what).mend(format!("the columns are: {}", names.join(", ")))
        })
    };
    let sort = common.sort.iter().map(place).collect::<Result<_, _>>()?;
    let division = Division::new(&common.partition, common.partition_column.as_deref(), &columns)?;
    Ok((Plan { columns, division, sort }, digits))
}

/// Returns the place to write to, which must not have Parquet files yet: they would be read as if they belonged to these.
fn destination(to: &str) -> Result<Address, Failure> {
    let address = Address::of_place(to)?;
    if let Some(found) = Object::list(&address)?.into_iter().find(|object| object.url().ends_with(".parquet"))
    {
        return Err(Failure::usage("the place to write to has Parquet files already")
            .at(found.url())
            .mend("remove them, or choose another place"));
    }
    Ok(address)
}

/// Reads all rows and writes them.
fn write(
    plan: &Plan,
    candidates: &[Candidate],
    mut output: Output,
    progress: &StepProgress,
) -> Result<(u64, u64), Failure> {
    let is_sorted = plan.division.is_some() || !plan.sort.is_empty();
    let mut sorter = Sorter::default();
    for Candidate { input, parts, .. } in candidates {
        let own = columns::of_file(&**input, &plan.columns);
        let place = |column: &Column| own.iter().position(|other| other.name == column.name);
        let places: Vec<Option<usize>> = plan.columns.iter().map(place).collect();
        for part in parts {
            let mut at = part.from;
            let mut reader = input.read(part, (part.from, part.line), &own)?;
            while let Some(batch) = reader.next()? {
                refuse_bad(&batch, input.name())?;
                for n in 0..batch.rows.len() {
                    let row = rearranged(batch.rows.slice(n, n + 1), &places);
                    if is_sorted {
                        sorter.push(plan.key(&row), &row)?;
                    } else {
                        output.push("", &row)?;
                    }
                }
                at = batch.next.0;
                progress.add(input.bytes_of(batch.next.0 - batch.from));
            }
            input.check_unchanged(at)?;
        }
    }
    if is_sorted {
        sorter.finish(|key, row| output.push(plan.directory(key), row))?;
    }
    output.finish()
}

/// Returns a row with the fields that `places` lists, in this order; none stands for NULL.
fn rearranged(row: &[u8], places: &[Option<usize>]) -> Vec<u8> {
    let fields: Vec<Option<&[u8]>> = fields(row).collect();
    let mut out = Vec::with_capacity(row.len());
    begin_row(places.len(), &mut out);
    places.iter().for_each(|place| append_field(place.and_then(|place| fields[place]), &mut out));
    out
}

/// Fails at the first record that is no row: none may get lost, and there is no table of dead letters.
fn refuse_bad(batch: &FileBatch, file: &str) -> Result<(), Failure> {
    match batch.dead_letters.first() {
        None => Ok(()),
        Some(letter) => Err(Failure::new(letter).at(file).mend(
            "correct the file or the options; files that were written so far are complete, but not all",
        )),
    }
}

impl Plan {
    /// Returns the key of a row: its directory, a zero, and the columns to sort by.
    fn key(&self, row: &[u8]) -> Vec<u8> {
        let fields: Vec<Option<&[u8]>> = fields(row).collect();
        let directory = self.division.as_ref().map(|division| division.directory(fields[division.column]));
        let mut key = directory.unwrap_or_default().into_bytes();
        key.push(0);
        for place in &self.sort {
            key::append(self.columns[*place].kind(), fields[*place], &mut key);
        }
        key
    }

    /// Returns the directory that a key begins with.
    fn directory<'k>(&self, key: &'k [u8]) -> &'k str {
        let directory = key.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(directory).unwrap_or_default()
    }
}
