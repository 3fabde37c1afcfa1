//! `tally archive status` and `tally archive verify` of a topic.

use comfy_table::presets;
use comfy_table::Table;
use tally_postgres::Failure;
use tokio_postgres::Client;

use super::ledger;
use super::step;
use crate::places::Places;

/// Prints how far each partition of a topic is archived.
pub async fn status(client: &Client, topic: &str) -> Result<(), Failure> {
    let partitions = match ledger::exists(client).await? {
        true => ledger::partitions(client, topic).await?,
        false => Vec::new(),
    };
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "job",
        "partition",
        "next offset",
        "objects",
        "messages",
        "bytes",
        "planned",
        "lost",
        "last archived",
    ]);
    for partition in partitions {
        table.add_row(partition);
    }
    println!("{table}");
    Ok(())
}

/// Reads all objects of a topic back; fails if any does not hold the messages that were written to it.
pub async fn verify(client: &Client, topic: &str) -> Result<(), Failure> {
    let known = match ledger::exists(client).await? {
        true => ledger::objects(client, topic).await?,
        false => Vec::new(),
    };
    let (mut objects, mut wrong, mut messages, mut bytes) = (0u64, 0u64, 0, 0);
    let mut places = Places::default();
    for object in known.iter().filter(|object| object.is_verified) {
        objects += 1;
        match step::prove(&places.at(&object.url)?.below(&object.name), &object.hash) {
            Ok(_) => {
                messages += object.messages;
                bytes += object.bytes;
            }
            Err(failure) => {
                eprintln!("job {:?}: {failure}", object.job);
                wrong += 1;
            }
        }
    }
    println!("verified {} of {objects} objects, {messages} messages, {bytes} bytes", objects - wrong);
    match wrong {
        0 => Ok(()),
        n => Err(Failure::new(format!("{n} objects are not as they were archived"))
            .mend("restore them from a backup")),
    }
}
