//! `tally archive`: copies the rows of old slots, proves the copies, and drops partitions that are proved.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use tally_objects::Address;
use tally_postgres::{ErrorKind, Failure};
use tally_program::Stop;

use crate::ahead;
use crate::drop;
use crate::every::{duration, repeat};
use crate::ledger::{self, Entry, State};
use crate::server::of_server;
use crate::session::{Session, SessionArgs};
use crate::slot::{literal, Granularity, Slot, EVER};
use crate::step;

/// Options of a run.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Archive rows older than this, such as 90d or 36h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    older_than: SignedDuration,
    /// Directory, or address such as s3://bucket/name
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// Stretch of time of an object
    #[arg(long, value_enum, default_value = "hour")]
    granularity: Granularity,
    /// Columns by which objects are sorted before time
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    series: Vec<String>,
    /// Drop partitions all of whose rows are archived and proved
    #[arg(long)]
    drop: bool,
    /// Make the next partitions, up to this time from now, such as 7d
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ahead: Option<SignedDuration>,
    /// Go on, and look again after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<SignedDuration>,
}

/// Slots, rows and bytes that a run has archived.
#[derive(Default)]
struct Counts {
    slots: u64,
    rows: i64,
    bytes: i64,
}

/// Runs the command, once or until it is stopped.
pub async fn run(session: SessionArgs, args: RunArgs) -> Result<(), Failure> {
    repeat(args.every, async |stop| once(&session, &args, stop).await).await
}

async fn once(session: &SessionArgs, args: &RunArgs, stop: &Stop) -> Result<(), Failure> {
    let place = Address::of_place(&args.to)?;
    let mut session = Session::begin_alone(session, &args.series).await?;
    if args.drop {
        drop::check(&session).await?;
    }
    // First: rows may be waiting for a partition, and the rest may take a while.
    if let Some(ahead) = args.ahead {
        ahead::make(&mut session, ahead).await?;
    }
    let seconds = args.granularity.seconds();
    let cut = Timestamp::now().as_second().saturating_sub(args.older_than.as_secs());
    let cut = cut.div_euclid(seconds) * seconds;
    let known = known(&session, args.granularity, &place).await?;
    let live = live_rows(&session, args.granularity, cut).await?;
    let slots: BTreeSet<i64> = live.keys().chain(known.keys()).copied().collect();
    let (mut counts, mut left) = (Counts::default(), 0u64);
    for from in slots {
        if stop.is_requested() {
            break;
        }
        let slot = Slot { from, to: from + seconds };
        let rows = live.get(&from).copied().unwrap_or(0);
        match decide(known.get(&from), rows) {
            Decision::Leave => {}
            Decision::Complain(what) => {
                tracing::warn!("{} of {}: {what}", slot.name()?, session.table.sql());
                left += 1;
            }
            Decision::Write => {
                let entry = ledger::plan(&session.client, &session.table, slot, &place.to_string()).await?;
                counts.add(archive(&mut session, &place, entry).await?);
            }
            Decision::Continue(entry) => counts.add(archive(&mut session, &place, entry.clone()).await?),
        }
    }
    println!("archived {} rows of {} slots in {} bytes", counts.rows, counts.slots, counts.bytes);
    if args.drop && !stop.is_requested() {
        left += drop::partitions(&mut session, cut, args.granularity).await?;
    }
    match left {
        0 => Ok(()),
        n => Err(Failure::new(format!("{n} slots or partitions were left as they are"))
            .of_kind(ErrorKind::Reject)
            .mend("see the warnings above, and `tally archive status`")),
    }
}

impl Counts {
    fn add(&mut self, (rows, bytes): (i64, i64)) {
        self.slots += 1;
        self.rows += rows;
        self.bytes += bytes;
    }
}

/// Next work on a slot.
enum Decision<'a> {
    Leave,
    Complain(&'static str),
    Write,
    Continue(&'a Entry),
}

/// Decides by what the ledger knows and by the number of rows that the table has now.
fn decide(entry: Option<&Entry>, rows: i64) -> Decision<'_> {
    let Some(entry) = entry else { return if rows > 0 { Decision::Write } else { Decision::Leave } };
    match (entry.state, &entry.written) {
        (State::Dropped, _) if rows > 0 => Decision::Complain(
            "rows came after the others were dropped; restore the slot, then archive it again",
        ),
        (_, Some(written)) if 0 < rows && rows < written.rows => {
            Decision::Complain("rows were deleted since it was archived; the object keeps them")
        }
        (State::Planned, _) | (State::Written | State::Verified | State::Restored, None) if rows > 0 => {
            Decision::Write
        }
        (State::Written | State::Verified | State::Restored, Some(written)) if rows > written.rows => {
            Decision::Write
        }
        (State::Written, Some(_)) => Decision::Continue(entry),
        (State::Verified, Some(_)) if !entry.has_manifest => Decision::Continue(entry),
        _ => Decision::Leave,
    }
}

/// Takes a slot from where it is to its end; returns its numbers of rows and bytes.
async fn archive(session: &mut Session, place: &Address, entry: Entry) -> Result<(i64, i64), Failure> {
    let Session { client, table } = session;
    let is_written = entry.state != State::Planned;
    let written = match entry.written.clone().filter(|_| is_written) {
        Some(written) => written,
        None => step::write(client, table, place, &entry).await?,
    };
    if entry.state != State::Verified {
        step::verify(client, table, place, &entry, &written).await?;
    }
    step::describe(client, table, place, &entry, &written).await?;
    Ok((written.rows, written.bytes))
}

/// Returns the entries by their start; they must be of the same granularity and place as this run's.
async fn known(
    session: &Session,
    granularity: Granularity,
    place: &Address,
) -> Result<BTreeMap<i64, Entry>, Failure> {
    let entries = session.entries(EVER.0, EVER.1).await?;
    for entry in &entries {
        if entry.slot.to - entry.slot.from != granularity.seconds() {
            return Err(Failure::usage("table is archived with another granularity")
                .at(format!("table {}", session.table.sql()))
                .mend("choose the other --granularity"));
        }
        if entry.url != place.to_string() {
            return Err(Failure::usage(format!("table is archived to {}", entry.url))
                .at(format!("table {}", session.table.sql()))
                .mend("use that for --to"));
        }
    }
    Ok(entries.into_iter().map(|entry| (entry.slot.from, entry)).collect())
}

/// Returns the numbers of rows before a time, by the starts of their slots.
async fn live_rows(
    session: &Session,
    granularity: Granularity,
    cut: i64,
) -> Result<BTreeMap<i64, i64>, Failure> {
    let table = &session.table;
    let (at, zone) = (table.at(), table.has_zone());
    let (first, cut) = (literal(EVER.0, zone)?, literal(cut, zone)?);
    let sql = format!(
        "SELECT pg_catalog.floor(EXTRACT(epoch FROM {at}) / {})::int8, count(*) FROM {}
         WHERE {at} >= {first} AND {at} < {cut} GROUP BY 1",
        granularity.seconds(),
        table.sql()
    );
    let rows = session.client.query(&sql, &[]).await.map_err(|e| of_server(&e).at(table.sql()))?;
    let start = |number: i64| Slot::numbered(number, granularity).from;
    Ok(rows.iter().map(|row| (start(row.get(0)), row.get(1))).collect())
}
