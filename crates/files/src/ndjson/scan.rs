//! Reads the names and the evidence of fields, before anything is loaded.

use std::io;

use rustc_hash::FxHashMap;
use tally_postgres::Failure;
use tally_rows::decode::{for_each_field, sqlstate, FieldEvidence, Reject};

use super::Lines;
use crate::format::Contents;
use crate::infer::{Evidence, SeenColumn};
use crate::part::Part;
use crate::text::{Block, TextFile, BLOCK};

/// Number of columns that a table of PostgreSQL has at most.
const MAX_COLUMNS: usize = 1600;
/// Number of bytes of a file to read for the names of its fields.
const SAMPLE: usize = 1 << 20;

/// Returns the names of the fields in the first block of a file.
pub fn first_names(text: &TextFile<Lines>) -> Result<Vec<String>, Failure> {
    let (byte, line) = text.begin;
    let mut blocks = text.blocks(None, (byte as i64, line as i64), SAMPLE).map_err(Failure::new)?;
    let Some(block) = blocks.next().map_err(Failure::new)? else { return Ok(Vec::new()) };
    if block.text.trim_ascii_start().starts_with(b"[") {
        return Err(Failure::new("file is a JSON array, not a record a line")
            .mend("convert it, for instance with jq --compact-output '.[]'"));
    }
    let mut fields = Fields::default();
    let mut bad = None;
    for (number, record) in records(&block.text) {
        if let Err(reject) = fields.observe(record) {
            bad.get_or_insert((block.line + number, reject.message));
        }
    }
    match (bad, fields.seen.len()) {
        (Some((line, message)), 0) => {
            Err(Failure::new(format!("line {line}: {message}")).mend("check that each line is a JSON object"))
        }
        (_, count) if count > MAX_COLUMNS => {
            let what = format!("records have {count} fields, a table has at most {MAX_COLUMNS} columns");
            Err(Failure::new(what).mend("store the records whole, as jsonb"))
        }
        _ => Ok(fields.seen.into_iter().map(|(name, _)| name).collect()),
    }
}

/// Scans a part; reports the bytes that are done to `progress`.
pub fn scan(text: &TextFile<Lines>, part: &Part, progress: &dyn Fn(u64)) -> io::Result<Contents> {
    let mut contents = Contents::default();
    let mut fields = Fields::default();
    let mut blocks = text.blocks(part.to, (part.from, part.line), BLOCK)?;
    while let Some(block) = blocks.next()? {
        for (number, record) in records(&block.text) {
            let checked = too_long(&block).map_or_else(|| fields.observe(record), Err);
            match checked {
                Ok(()) => contents.rows += 1,
                Err(reject) => {
                    contents.bad += 1;
                    contents.first_bad.get_or_insert(((block.line + number) as i64, reject));
                }
            }
        }
        progress(block.text.len() as u64);
    }
    let column = |(name, evidence)| SeenColumn { name: Some(name), evidence: Evidence::Json(evidence) };
    contents.columns = fields.seen.into_iter().map(column).collect();
    Ok(contents)
}

/// Returns the lines of a block that are not blank, each with the number of lines before it.
pub fn records(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n');
    (0..).zip(lines.map(<[u8]>::trim_ascii)).filter(|(_, line)| !line.is_empty())
}

/// Returns what is wrong with a line that is longer than a record may be.
pub fn too_long(block: &Block) -> Option<Reject> {
    let length = block.text.len() as u64 + block.passed;
    let what = || format!("line of {length} bytes exceeds the limit of 8 MiB for a record");
    (block.passed > 0).then(|| Reject::new(sqlstate::TOO_LARGE, what()))
}

/// Reads a record as text.
pub fn as_text(record: &[u8]) -> Result<&str, Reject> {
    std::str::from_utf8(record).map_err(|error| {
        let byte = record[error.valid_up_to()];
        Reject::new(
            sqlstate::BAD_CHARACTER,
            format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}"),
        )
    })
}

/// The fields of records, in the order of their first occurrence.
#[derive(Default)]
struct Fields {
    seen: Vec<(String, FieldEvidence)>,
    places: FxHashMap<String, usize>,
}

impl Fields {
    fn observe(&mut self, record: &[u8]) -> Result<(), Reject> {
        for_each_field(as_text(record)?, |name, raw| {
            let place = match self.places.get(name) {
                Some(place) => *place,
                None => {
                    self.places.insert(name.into(), self.seen.len());
                    self.seen.push((name.into(), FieldEvidence::default()));
                    self.seen.len() - 1
                }
            };
            if raw != "null" {
                self.seen[place].1.note(raw, None);
            }
            Ok(())
        })
    }
}
