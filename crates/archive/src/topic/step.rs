//! The steps of a chunk: planned, written, read back, counted. Each can be repeated, so that the next run goes on after it.

use tally_objects::{Address, Condition, Put};
use tally_postgres::Failure;
use tokio_postgres::Client;

use super::chunk::{hash_of_lines, HourObject};
use super::ledger::{self, KnownObject, PartitionKey};

/// Stores the objects of a chunk, beside those of it that an earlier run has stored, and moves the position from `next`
/// behind the chunk.
pub async fn store(
    client: &mut Client,
    key: PartitionKey<'_>,
    place: &Address,
    range: (i64, i64),
    next: i64,
    objects: &[HourObject],
) -> Result<(), Failure> {
    ledger::plan(client, key, range, &place.to_string(), objects).await?;
    for object in objects {
        let address = place.below(&object.name);
        put(&address, object)?;
        prove(&address, &object.hash)?;
    }
    ledger::verified(client, key, range.0, (next, range.1.max(next))).await
}

/// Splits the objects of a chunk that an earlier run has planned: those that are there, and those that are not.
pub fn found<'k>(
    place: &Address,
    planned: &'k [KnownObject],
) -> Result<(Vec<&'k KnownObject>, Vec<&'k KnownObject>), Failure> {
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for object in planned {
        match find(&place.below(&object.name))? {
            Some(Some(hash)) if hash == object.hash => there.push(object),
            _ => missing.push(object),
        }
    }
    Ok((there, missing))
}

/// Returns what is left to write of a chunk that was read again. What is there is kept, since the topic may have lost
/// messages of it; hours that have no messages any more get objects without lines.
pub fn left(
    mut objects: Vec<HourObject>,
    there: &[&KnownObject],
    missing: &[&KnownObject],
) -> Result<Vec<HourObject>, Failure> {
    objects.retain(|object| !there.iter().any(|known| known.name == object.name));
    for known in missing {
        if !objects.iter().any(|object| object.name == known.name) {
            objects.push(HourObject::empty(known.name.clone())?);
        }
    }
    Ok(objects)
}

/// Stores an object where there is none.
fn put(address: &Address, object: &HourObject) -> Result<(), Failure> {
    if let Put::Stored(_) = address.put(object.file.clone(), &Condition::Absent)? {
        return Ok(());
    }
    // What is there may be ours, if the answer to a request was lost.
    match find(address)? {
        Some(Some(found)) if found == object.hash => Ok(()),
        _ => Err(Failure::new("there is another object in place of the archive's")
            .at(address)
            .mend("move it away, or archive to another place")),
    }
}

/// Reads an object back, and fails unless it has the lines that were to be written.
pub fn prove(address: &Address, hash: &str) -> Result<(), Failure> {
    let unproved = |what: &str| Err(Failure::transient(what).at(address).mend("run the command again"));
    match find(address)? {
        Some(Some(found)) if found == hash => Ok(()),
        Some(_) => unproved("object does not hold the messages that were written to it"),
        None => unproved("there is no such object"),
    }
}

/// Reads an object; returns the hash of its lines, if it has lines.
fn find(address: &Address) -> Result<Option<Option<String>>, Failure> {
    Ok(address.get()?.map(|(file, _)| hash_of_lines(&file).ok()))
}
