//! `tally archive restore`: brings rows back from their objects, each slot in a transaction that proves them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{pin_mut, SinkExt};
use jiff::Timestamp;
use tally_postgres::pgtype::copy::{HEADER, TRAILER};
use tally_postgres::Failure;
use tokio_postgres::{Error, IsolationLevel, Transaction};

use crate::export;
use crate::ledger::{self, Entry};
use crate::object::ObjectDecoder;
use crate::places::Places;
use crate::server::of_server;
use crate::session::{trees, Session, SessionArgs};
use crate::slot::{Slot, EVER};
use crate::table::SourceTable;
use crate::tree::PowerTrees;

/// Size of the pieces in which rows are sent.
const PIECE: usize = 1 << 20;

/// Bring rows back into the table from their objects.
#[derive(Debug, Clone, clap::Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    session: SessionArgs,
    /// First time of the rows, as in 2026-03-01T00:00Z
    #[arg(long, value_name = "TIME", value_parser = second)]
    from: i64,
    /// Time after the last of the rows
    #[arg(long, value_name = "TIME", value_parser = second)]
    to: i64,
}

fn second(text: &str) -> Result<i64, String> {
    let time: Timestamp = text.parse().map_err(|_| "must be a time such as 2026-03-01T00:00Z".to_string())?;
    Ok(time.as_second())
}

/// Runs the command: restores each archived slot that overlaps the range.
pub async fn run(args: RestoreArgs) -> Result<(), Failure> {
    let mut session = Session::begin_alone(&args.session, &[]).await?;
    let trees = trees(&session.client, &session.table).await?;
    let (mut slots, mut rows, mut places) = (0, 0, Places::default());
    for (range, entries) in together(&session, &trees, &args).await? {
        rows += restore(&mut session, &trees, &mut places, range, &entries).await?;
        slots += entries.len();
    }
    println!("restored {rows} rows of {slots} slots");
    Ok(())
}

/// Returns the slots to restore, each with those that come back in the same transaction: leaves of power trees are forgotten as a whole.
async fn together(
    session: &Session,
    trees: &PowerTrees,
    args: &RestoreArgs,
) -> Result<BTreeMap<Slot, Vec<Entry>>, Failure> {
    let mut groups: BTreeMap<Slot, Vec<Entry>> = BTreeMap::new();
    let is_wanted = |slot: Slot| slot.from < args.to && slot.to > args.from;
    let all = session.entries(EVER.0, EVER.1).await?;
    for entry in all.iter().filter(|entry| is_wanted(entry.slot) && entry.written.is_some()) {
        groups.entry(trees.around(entry.slot)).or_default().push(entry.clone());
    }
    let is_kept = |entry: &&Entry| !entry.trees.is_empty() && !is_wanted(entry.slot);
    match all
        .iter()
        .filter(is_kept)
        .map(|entry| trees.around(entry.slot))
        .find(|range| groups.contains_key(range))
    {
        None => Ok(groups),
        Some(range) => {
            let (from, to) = range.ends()?;
            Err(Failure::usage("the range cuts a leaf of a power tree, whose rows come back together")
                .at(format!("table {}", session.table.sql()))
                .mend(format!("restore from {from} to {to}")))
        }
    }
}

/// Restores slots, and returns the number of their rows.
async fn restore(
    session: &mut Session,
    trees: &PowerTrees,
    places: &mut Places,
    range: Slot,
    entries: &[Entry],
) -> Result<i64, Failure> {
    let Session { client, table, .. } = session;
    let fail = |e: Error| of_server(&e).at(format!("table {}", table.sql()));
    let latest = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let tx = latest.start().await.map_err(fail)?;
    tx.batch_execute(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table.sql()))
        .await
        .map_err(fail)?;
    trees.forget(&tx, table, range).await?;
    let mut rows = 0;
    for entry in entries {
        rows += restore_slot(&tx, table, places, entry).await?;
    }
    tx.commit().await.map_err(fail)?;
    Ok(rows)
}

async fn restore_slot(
    tx: &Transaction<'_>,
    table: &SourceTable,
    places: &mut Places,
    entry: &Entry,
) -> Result<i64, Failure> {
    let Some(written) = &entry.written else { return Ok(0) };
    let fail = |e: Error| of_server(&e).at(format!("table {}", table.sql()));
    let address = places.at(&entry.url)?.below(&entry.slot.object(&table.name)?);
    let rows = ObjectDecoder::open(table, &address, &written.etag)?;
    let sql = format!("SELECT EXISTS (SELECT FROM {} WHERE {})", table.sql(), table.within(entry.slot)?);
    if tx.query_one(&sql, &[]).await.map_err(fail)?.get(0) {
        return Err(Failure::usage(format!("table has rows of {} already", entry.slot.name()?))
            .at(format!("table {}", table.sql()))
            .mend("choose a range without rows, or delete those first"));
    }
    copy(tx, table, &rows).await.map_err(|failure| failure.at(format!("table {}", table.sql())))?;
    let mut hash = entry.hash();
    export::for_each_row(tx.copy_out(&export::statement(&table.rows_of(entry.slot)?)).await, |row| {
        hash.add(row);
        Ok(())
    })
    .await?;
    if hash.rows as i64 != written.rows || hash.text() != written.hash {
        return Err(Failure::new("restored rows are not those that were archived")
            .at(&address)
            .mend("nothing was restored; look for triggers and rules that change rows"));
    }
    ledger::restored(tx, entry).await?;
    Ok(written.rows)
}

/// Sends the rows of an object, a row group at a time.
async fn copy(tx: &Transaction<'_>, table: &SourceTable, rows: &ObjectDecoder<'_>) -> Result<(), Failure> {
    let fail = |e: Error| of_server(&e);
    let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.sql(), table.list());
    let sink = tx.copy_in(sql.as_str()).await.map_err(fail)?;
    pin_mut!(sink);
    sink.send(Bytes::from_static(HEADER)).await.map_err(fail)?;
    for group in 0..rows.groups() {
        let mut pieces = vec![Vec::new()];
        rows.for_each_row(group, |row| {
            match pieces.last_mut() {
                Some(piece) if piece.len() < PIECE => piece.extend_from_slice(row),
                _ => pieces.push(row.to_vec()),
            }
            Ok(())
        })
        .map_err(Failure::new)?;
        for piece in pieces {
            sink.send(Bytes::from(piece)).await.map_err(fail)?;
        }
    }
    sink.send(Bytes::from_static(TRAILER)).await.map_err(fail)?;
    sink.finish().await.map_err(fail)?;
    Ok(())
}
