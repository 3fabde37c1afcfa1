//! `tally archive status` and `tally archive verify`: what is archived, and whether it still is.

use std::collections::BTreeMap;

use comfy_table::presets;
use comfy_table::Table;
use tally_postgres::{ErrorKind, Failure};

use crate::beside::Helpers;
use crate::compare::hashes;
use crate::export;
use crate::ledger::{self, Entry, KeptTrees, State, Written};
use crate::places::Places;
use crate::server::of_server;
use crate::session::{connect, trees, Session, SessionArgs};
use crate::slot::{Slot, EVER};
use crate::step;
use crate::topic;

/// Print how far the archive of a table or a topic is.
#[derive(Debug, Clone, clap::Args)]
pub struct StatusArgs {
    #[command(flatten)]
    subject: Subject,
}

/// Read all objects of a table or a topic back, and compare them with the ledger and with rows that are still in the table.
#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    subject: Subject,
    /// Know objects that were moved, or brought back from a backup, by their rows
    #[arg(long, conflicts_with = "topic")]
    moved: bool,
}

/// The table or topic that is looked at.
#[derive(Debug, Clone, clap::Args)]
struct Subject {
    /// PostgreSQL connection URL or key=value string
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database: String,
    /// Table whose archive is looked at
    #[arg(long, required_unless_present = "topic")]
    table: Option<String>,
    /// Column that says when a row was [default: the only timestamp]
    #[arg(long, value_name = "COLUMN")]
    at: Option<String>,
    /// Topic whose archive is looked at, instead of a table's
    #[arg(long, value_name = "NAME", conflicts_with_all = ["table", "at"])]
    topic: Option<String>,
}

impl Subject {
    fn session(self) -> SessionArgs {
        SessionArgs { database: Some(self.database), table: self.table, at: self.at }
    }
}

/// Prints the numbers of slots, rows and bytes in each state, or of a topic's objects.
pub async fn status(StatusArgs { subject }: StatusArgs) -> Result<(), Failure> {
    if let Some(topic) = &subject.topic {
        return topic::status(&connect(&subject.database).await?, topic).await;
    }
    let session = Session::begin(&subject.session(), &[]).await?;
    let entries = session.entries(EVER.0, EVER.1).await?;
    let mut states: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &entries {
        states.entry(entry.state.name()).or_default().push(entry);
    }
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(["state", "slots", "rows", "bytes", "first", "last"]);
    for (state, entries) in states {
        let sum = |number: fn(&Written) -> i64| -> i64 {
            entries.iter().filter_map(|entry| entry.written.as_ref()).map(number).sum()
        };
        let name = |entry: Option<&&Entry>| entry.map_or(Ok(String::new()), |entry| entry.slot.name());
        table.add_row([
            state.to_string(),
            entries.len().to_string(),
            sum(|written| written.rows).to_string(),
            sum(|written| written.bytes).to_string(),
            name(entries.first())?,
            name(entries.last())?,
        ]);
    }
    println!("{table}");
    Ok(())
}

/// Reads everything back; fails if anything is not as it was proved.
pub async fn verify(VerifyArgs { subject, moved }: VerifyArgs) -> Result<(), Failure> {
    if let Some(topic) = &subject.topic {
        return topic::verify(&connect(&subject.database).await?, topic).await;
    }
    let session = Session::begin_alone(&subject.session(), &[]).await?;
    let (mut objects, mut proved, mut places) = (0u64, Vec::new(), Places::default());
    let helpers = Helpers::default();
    helpers.add();
    for mut entry in session.entries(EVER.0, EVER.1).await? {
        let Some(mut written) = entry.written.take().filter(|_| entry.state != State::Planned) else {
            continue;
        };
        objects += 1;
        let place = places.at(&entry.url)?;
        if moved && step::follow(&session.table, &place, &entry, &mut written, &helpers)? {
            ledger::moved(&session.client, &entry, &written.etag).await?;
        }
        let outcome = step::prove(&session.table, &place, &entry, &written, &helpers);
        entry.written = Some(written);
        match outcome {
            Ok(()) => proved.push(entry),
            Err(failure) => {
                eprintln!("{failure}");
                write_again(&session, &entry, &failure).await?;
            }
        }
    }
    let mut good = proved.len() as u64;
    let changed = changed(&session, &proved).await?;
    for entry in &changed {
        eprintln!("{}: rows have changed since they were archived", entry.slot.name()?);
        ledger::reached(&session.client, entry, State::Planned).await?;
    }
    good -= changed.len() as u64;
    good -= forgotten(&session, &proved).await?;
    println!("verified {good} of {objects} objects");
    match objects - good {
        0 => Ok(()),
        n => Err(Failure::new(format!("{n} slots are not as they were archived"))
            .mend("those whose rows changed, or are still there, are archived again by the next run; bring other objects back from a backup and say --moved, and rows that trees forgot by `tally archive restore`")),
    }
}

/// Has the next run write an object that is gone or damaged, if the table still has the rows.
async fn write_again(session: &Session, entry: &Entry, failure: &Failure) -> Result<(), Failure> {
    let Some(written) = entry.written.as_ref().filter(|_| entry.state != State::Dropped) else {
        return Ok(());
    };
    // A store that does not answer may still have it.
    if failure.kind() == ErrorKind::Retry {
        return Ok(());
    }
    let table = &session.table;
    let sql = format!("SELECT count(*) FROM {} WHERE {}", table.sql(), table.within(entry.slot)?);
    let row = session.client.query_one(&sql, &[]).await.map_err(|e| of_server(&e).at(table.sql()))?;
    match row.get::<_, i64>(0) >= written.rows {
        true => ledger::reached(&session.client, entry, State::Planned).await,
        false => Ok(()),
    }
}

/// Returns the number of slots of which power trees no longer have what they had when the rows were dropped.
async fn forgotten(session: &Session, proved: &[Entry]) -> Result<u64, Failure> {
    let Session { client, table, .. } = session;
    let trees = trees(client, table).await?;
    let mut groups: BTreeMap<Slot, Vec<(&Written, &KeptTrees)>> = BTreeMap::new();
    for entry in proved.iter().filter(|entry| entry.state == State::Dropped) {
        let group = groups.entry(trees.around(entry.slot)).or_default();
        group.extend(entry.written.as_ref().map(|written| (written, &entry.trees)));
    }
    let mut count = 0;
    for (range, objects) in groups {
        if let Some(tree) = trees.difference(client, table, range, &objects).await? {
            let (from, to) = range.ends()?;
            eprintln!("{from} to {to}: power tree {tree:?} has other tallies than the objects and the rows of the table");
            count += objects.len() as u64;
        }
    }
    Ok(count)
}

/// Returns the slots of which the table has other rows than the object, and not fewer.
async fn changed<'e>(session: &Session, entries: &'e [Entry]) -> Result<Vec<&'e Entry>, Failure> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(Vec::new()) };
    let all = Slot { from: first.slot.from, to: last.slot.to };
    let rows = session.client.copy_out(&export::statement(&session.table.rows_of(all)?)).await;
    let hashes = hashes(rows, session.table.at_place(), entries, first.slot.granularity()).await?;
    let differs = |entry: &&Entry| match (hashes.get(&entry.slot.from), &entry.written) {
        (Some(hash), Some(written)) => hash.rows as i64 >= written.rows && hash.text() != written.hash,
        _ => false,
    };
    Ok(entries.iter().filter(|entry| entry.state != State::Dropped).filter(differs).collect())
}
