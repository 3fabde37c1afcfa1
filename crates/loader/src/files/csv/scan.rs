//! Scans every record of a part, before anything is loaded.

use std::io;

use super::block::BLOCK;
use super::check::{too_long, Checker};
use super::layout::CsvLayout;
use super::record::Records;
use super::Nulls;
use crate::files::format::Contents;
use crate::files::infer::ColumnEvidence;
use crate::files::part::Part;

/// Scans a part; reports the bytes that are done to `progress`.
pub fn scan(layout: &CsvLayout, part: &Part, nulls: &Nulls, progress: &dyn Fn(u64)) -> io::Result<Contents> {
    let evidence = vec![ColumnEvidence::default(); layout.fields];
    let mut contents = Contents { evidence, ..Contents::default() };
    let mut blocks = layout.blocks(part.to, (part.from, part.line), BLOCK)?;
    while let Some(block) = blocks.next()? {
        if let Some(reject) = too_long(&block) {
            contents.bad += 1;
            contents.first_bad.get_or_insert((block.line as i64, reject));
            continue;
        }
        let checker = Checker::new(&block.text, layout.fields);
        let mut records = Records::new(&block.text, layout.dialect);
        while let Some(found) = records.next() {
            if let Some(reject) = checker.check(&block.text, &found, &records) {
                contents.bad += 1;
                contents.first_bad.get_or_insert(((block.line + found.line) as i64, reject));
                continue;
            }
            contents.rows += 1;
            for (field, evidence) in records.fields().zip(&mut contents.evidence) {
                if !nulls.is_null(field) {
                    evidence.observe(field.bytes);
                }
            }
        }
        progress(block.text.len() as u64);
    }
    Ok(contents)
}
