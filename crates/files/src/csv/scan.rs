//! Scans every record of a part, before anything is loaded.

use std::io;

use super::check::{too_long, Checker};
use super::layout::CsvLayout;
use super::notation::Notation;
use super::record::Records;
use super::Nulls;
use crate::format::Contents;
use crate::infer::{ColumnEvidence, Evidence, SeenColumn};
use crate::part::Part;
use crate::text::BLOCK;

/// Scans a part; reports the bytes that are done to `progress`.
pub fn scan(
    layout: &CsvLayout,
    part: &Part,
    nulls: &Nulls,
    notation: &Notation,
    progress: &dyn Fn(u64),
) -> io::Result<Contents> {
    let mut columns = vec![ColumnEvidence::default(); layout.fields];
    let mut contents = Contents::default();
    let mut blocks = layout.text.blocks(part.to, (part.from, part.line), BLOCK)?;
    while let Some(block) = blocks.next()? {
        if let Some(reject) = too_long(&block) {
            contents.bad += 1;
            contents.first_bad.get_or_insert((block.line as i64, reject));
            continue;
        }
        let checker = Checker::new(&block.text, layout.fields);
        let mut records = Records::new(&block.text, layout.text.rule);
        while let Some(found) = records.next() {
            if let Some(reject) = checker.check(&block.text, &found, &records) {
                contents.bad += 1;
                contents.first_bad.get_or_insert(((block.line + found.line) as i64, reject));
                continue;
            }
            contents.rows += 1;
            for (field, evidence) in records.fields().zip(&mut columns) {
                if !nulls.is_null(field) {
                    evidence.observe(field.bytes, |value| notation.kind(value));
                }
            }
        }
        progress(block.text.len() as u64);
    }
    let seen = |evidence| SeenColumn { name: None, evidence: Evidence::Text(evidence) };
    contents.columns = columns.into_iter().map(seen).collect();
    Ok(contents)
}
