//! The part of an object's footer that tells of its slot and its rows.

use parquet::file::metadata::{FileMetaData, KeyValue};
use serde_json::{json, Value};
use tally_objects::Address;
use tally_postgres::Failure;

use super::file::ObjectFile;
use crate::proof::Tallies;

/// Name of the key of the footer.
const KEY: &str = "pg_tally.archive";

/// The rows of the snapshot that an object was written from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Key of the slot in the ledger that wrote it.
    pub id: String,
    pub rows: i64,
    pub hash: String,
    pub tallies: Tallies,
}

impl Stamp {
    /// Returns the stamp of the object at an address, if an archive wrote it.
    pub fn find(address: &Address) -> Result<Option<Self>, Failure> {
        let Some(file) = ObjectFile::find(address)? else { return Ok(None) };
        // A file of another kind has no stamp.
        Ok(file.metadata().ok().and_then(|about| Self::of(about.file_metadata())))
    }

    fn of(about: &FileMetaData) -> Option<Self> {
        let pairs = about.key_value_metadata()?;
        let text = pairs.iter().find(|pair| pair.key == KEY)?.value.as_ref()?;
        let value: Value = serde_json::from_str(text).ok()?;
        let word = |key: &str| value[key].as_str().map(str::to_string);
        let tallies = serde_json::from_value(value["tallies"].clone()).ok()?;
        Some(Self { id: word("id")?, rows: value["rows"].as_i64()?, hash: word("hash")?, tallies })
    }

    /// Returns the pair of the footer.
    pub fn pair(&self) -> KeyValue {
        let Self { id, rows, hash, tallies } = self;
        let value = json!({"id": id, "rows": rows, "hash": hash, "tallies": tallies});
        KeyValue::new(KEY.into(), value.to_string())
    }
}
