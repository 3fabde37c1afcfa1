//! The manifest of a slot: a copy of the ledger beside the object, which also tells other archives whose slot it is.

use bytes::Bytes;
use serde_json::{json, Value};
use tally_objects::{Address, Condition, Put};
use tally_postgres::Failure;

use crate::ledger::{Entry, Written};
use crate::table::SourceTable;

/// Writes the manifest of a proved object.
pub fn write(table: &SourceTable, place: &Address, entry: &Entry, written: &Written) -> Result<(), Failure> {
    let Written { etag, rows, bytes, hash, tallies } = written;
    let columns = table.columns.iter().map(|column| json!({"name": column.name, "type": column.kind.name()}));
    let manifest = json!({
        "table": table.sql(),
        "object": entry.slot.object(&table.name)?,
        "slot": entry.slot.name()?,
        "id": entry.id.to_string(),
        "rows": rows,
        "bytes": bytes,
        "etag": etag,
        "hash": hash,
        "tallies": tallies,
        "trees": table.trees,
        "columns": columns.collect::<Vec<_>>(),
    });
    put(&place.below(&entry.slot.manifest(&table.name)?), &entry.id.to_string(), &manifest)
}

/// Tells other archives that this one is about to write the object of a slot.
pub fn claim(address: &Address, id: &str) -> Result<(), Failure> {
    put(address, id, &json!({"id": id}))
}

/// Writes a manifest where there is none, or one of the same slot.
fn put(address: &Address, id: &str, manifest: &Value) -> Result<(), Failure> {
    let bytes = Bytes::from(format!("{manifest:#}\n"));
    let mut condition = Condition::Absent;
    for _ in 0..3 {
        if let Put::Stored(_) = address.put(bytes.clone(), &condition)? {
            return Ok(());
        }
        condition = match address.get()? {
            Some((found, tag)) if owner(&found).as_deref() == Some(id) => Condition::Tag(tag),
            Some(_) => {
                return Err(Failure::new("another archive has this slot")
                    .at(address)
                    .mend("archive to another place; no two databases share one"))
            }
            None => Condition::Absent,
        };
    }
    Err(Failure::transient("manifest is replaced again and again")
        .at(address)
        .mend("stop other archives to this place"))
}

fn owner(manifest: &[u8]) -> Option<String> {
    serde_json::from_slice::<Value>(manifest).ok()?["id"].as_str().map(str::to_string)
}
