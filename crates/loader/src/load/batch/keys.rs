//! Keys in Avro, made into the text that columns and conditions take values from.

use tally_rows::decode::avro::{to_text, unframe};
use tally_rows::decode::Reject;
use tally_rows::registry::Registry;

use super::not_ready::NotReady;

/// Returns the text of a key; none if there is no key.
pub fn read_key(key: Option<&[u8]>, registry: &mut Registry) -> Result<Option<String>, NotReady> {
    key.map(|key| to_key_text(key, registry)).transpose().map_err(|reason| match reason {
        NotReady::Rejected(reject) => {
            NotReady::Rejected(Reject { message: format!("in the key: {}", reject.message), ..reject })
        }
        other => other,
    })
}

fn to_key_text(key: &[u8], registry: &mut Registry) -> Result<String, NotReady> {
    let (id, value) = unframe(key)?;
    let shape = registry.shape(id).map_err(NotReady::without_schema)?;
    Ok(to_text(&shape, value)?)
}
