//! The objects of a chunk: one for each hour of a range of offsets of a partition.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use tally_files::input::Location;
use tally_postgres::{ErrorKind, Failure};
use tally_rows::raw::KeptMessage;

use super::ledger::Opened;

/// The beginning of the directories of years, behind which there is the rest of an object's name.
const YEAR: &str = "/year=";

/// The objects of a chunk.
pub struct ObjectChunk {
    /// The topic.
    pub topic: String,
    /// The id that the broker gave the topic, if it did.
    topic_id: String,
    partition: i32,
    locations: Vec<Location>,
}

/// Order of chunks: topic, partition, first offset, and the topic's id.
type ChunkKey = (String, i32, i64, String);

/// Returns the chunks that objects belong to, in the order of topics, partitions and offsets.
pub fn find(locations: Vec<Location>) -> Result<Vec<ObjectChunk>, Failure> {
    let mut chunks: BTreeMap<ChunkKey, Vec<Location>> = BTreeMap::new();
    for location in locations {
        let name = location.name();
        let Some(key) = key_of(&name) else {
            return Err(Failure::usage("not an object of an archive of topics").at(name).mend(
                "name a directory that `tally archive topics` made; `tally load ndjson` loads other files",
            ));
        };
        chunks.entry(key).or_default().push(location);
    }
    let chunk = |((topic, partition, _, topic_id), locations): (ChunkKey, _)| ObjectChunk {
        topic,
        topic_id,
        partition,
        locations,
    };
    Ok(chunks.into_iter().map(chunk).collect())
}

/// Fails if chunks are of several topics of the same name: they have the same offsets, and nothing says which came first.
pub fn check_topics(chunks: &[ObjectChunk]) -> Result<(), Failure> {
    let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for chunk in chunks.iter().filter(|chunk| !chunk.topic_id.is_empty()) {
        ids.entry(&chunk.topic).or_default().insert(&chunk.topic_id);
    }
    match ids.into_iter().find(|(_, ids)| ids.len() > 1) {
        None => Ok(()),
        Some((topic, ids)) => {
            let names = ids.into_iter().collect::<Vec<_>>().join(", ");
            Err(Failure::usage(format!("objects are of several topics of this name, with the ids {names}"))
                .at(format!("topic {topic:?}"))
                .mend("load those of one id after the other, by patterns such as **/*-ID.ndjson.zst, each under a --job of its own"))
        }
    }
}

/// Reads the name of an object: `trades/year=2026/month=01/day=31/hour=05/3-00000000000000000005-ID.ndjson.zst`.
fn key_of(name: &str) -> Option<ChunkKey> {
    let (place, rest) = name.rsplit_once(YEAR)?;
    let topic = place.rsplit('/').next()?;
    let file = rest.rsplit('/').next()?.split('.').next()?;
    let (partition, rest) = file.split_once('-')?;
    let (from, id) = rest.split_once('-').unwrap_or((rest, ""));
    Some((topic.into(), partition.parse().ok()?, from.parse().ok()?, id.into()))
}

impl ObjectChunk {
    /// The name in messages: that of the first object.
    pub fn name(&self) -> String {
        self.locations[0].name()
    }

    /// Looks at the objects.
    pub fn open(&self) -> Result<Vec<Opened>, Failure> {
        self.locations.iter().map(Opened::of).collect()
    }

    /// Reads the messages of some of its objects, in the order of their offsets.
    pub fn read(&self, objects: &mut [Opened]) -> Result<Vec<KeptMessage>, Failure> {
        let mut messages = Vec::new();
        for object in objects {
            let name = object.source().name().to_string();
            let wrong = |what: &dyn std::fmt::Display| {
                Failure::new(what).at(&name).of_kind(ErrorKind::Reject).mend(
                    "nothing of its chunk is stored; `tally archive verify` says whether objects are whole",
                )
            };
            let mut lines = object.lines().map_err(|e| wrong(&e))?;
            let (mut line, before) = (Vec::new(), messages.len());
            while lines.read_until(b'\n', &mut line).map_err(|e| wrong(&e))? > 0 {
                let message = KeptMessage::of_line(&line).map_err(|what| wrong(&what))?;
                if message.topic != self.topic || message.partition != self.partition {
                    return Err(wrong(
                        &"a message is of another topic or partition than the object's name says",
                    ));
                }
                messages.push(message);
                line.clear();
            }
            drop(lines);
            object.messages = (messages.len() - before) as u64;
        }
        messages.sort_by_key(|message| message.offset);
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_objects_hold() {
        let name =
            "s3://b/raw/a.b-c/year=2026/month=01/day=31/hour=05/3-00000000000000000512-Ab-_.ndjson.zst";
        assert_eq!(key_of(name), Some(("a.b-c".into(), 3, 512, "Ab-_".into())));
        let name = "/raw/t/year=__HIVE_DEFAULT_PARTITION__/12-00000000000000000000.ndjson.zst";
        assert_eq!(key_of(name), Some(("t".into(), 12, 0, String::new())));
        for other in ["events.ndjson", "/t/year=2026/part-00001.ndjson", "/t/year=2026/x.ndjson"] {
            assert_eq!(key_of(other), None, "{other}");
        }
    }
}
