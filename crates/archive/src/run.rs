//! `tally archive`: copies the rows of old slots, proves the copies, and drops partitions that are proved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tally_objects::Address;
use tally_postgres::{ErrorKind, Failure};
use tally_program::Stop;

use crate::ahead;
use crate::alarm::Alarm;
use crate::beside::Helpers;
use crate::drop;
use crate::every::{duration, repeat};
use crate::job;
use crate::ledger::{self, Entry, State, Written};
use crate::session::{Session, SessionArgs};
use crate::slot::{Granularity, Slot, EVER};
use crate::step;
use crate::stretch::Source;
use crate::survey::Survey;
use crate::work::{held, Work};

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
    /// Number of connections that archive at a time
    #[arg(long, value_name = "NUMBER", default_value = "2", value_parser = jobs)]
    jobs: usize,
    /// Go on, and look again after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<SignedDuration>,
    /// File whose section [notify] names a webhook, which is told of runs that fail
    #[arg(long, value_name = "FILE")]
    notify: Option<PathBuf>,
}

fn jobs(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|jobs| (1..=64).contains(jobs)).ok_or("must be from 1 to 64".to_string())
}

/// Runs the command, once or until it is stopped.
pub async fn run(session: SessionArgs, args: RunArgs) -> Result<(), Failure> {
    let alarm = match &args.notify {
        Some(file) => Alarm::read(file, "tally archive", session.table.as_deref().unwrap_or_default())?,
        None => None,
    };
    repeat(args.every, alarm, async |stop| once(&session, &args, stop).await).await
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
    let mut known = known(&session, args.granularity, &place).await?;
    recover(&session, &place, &mut known).await?;
    let end = known.values().last().map_or(EVER.0, |entry| entry.slot.to);
    let survey = Survey::make(&session.connector, &session.table, args.granularity, end, cut).await?;
    let slots: BTreeSet<i64> = survey.rows.keys().chain(known.keys()).copied().collect();
    let (mut work, mut left) = (Work::new(args.jobs), 0u64);
    for from in slots {
        let slot = Slot { from, to: from + seconds };
        let rows = survey.rows.get(&from).copied().unwrap_or(0);
        match decide(known.get(&from), rows) {
            Decision::Leave if rows == 0 => {}
            Decision::Leave => work.leave(),
            Decision::Complain(what) => {
                tracing::warn!("{} of {}: {what}", slot.name()?, session.table.sql());
                work.leave();
                left += 1;
            }
            Decision::Write => work.write(slot, rows),
            Decision::Prove(entry, written) => work.prove(entry.clone(), written.clone()),
        }
    }
    let (table, survey, helpers) = (session.table.clone(), Arc::new(survey), Helpers::default());
    let (granularity, held) = (args.granularity, held(args.jobs));
    let source = Source { table, place, granularity, survey: survey.clone(), held, helpers };
    let (counts, outcome) = job::run(&session.connector, source, stop, work, args.jobs).await;
    let ended = survey.end().await;
    println!("archived {} rows of {} slots in {} bytes", counts.rows, counts.slots, counts.bytes);
    outcome.and(ended)?;
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

/// Finds objects that a run wrote before it was killed, and tells the ledger of them: they may hold rows that are gone since.
async fn recover(
    session: &Session,
    place: &Address,
    known: &mut BTreeMap<i64, Entry>,
) -> Result<(), Failure> {
    for entry in known.values_mut().filter(|entry| entry.state == State::Planned) {
        if let Some(written) = step::unrecorded(&session.table, place, entry)? {
            ledger::written(&session.client, entry, &written).await?;
            (entry.state, entry.written) = (State::Written, Some(written));
        }
    }
    Ok(())
}

/// Next work on a slot.
enum Decision<'a> {
    Leave,
    Complain(&'static str),
    Write,
    Prove(&'a Entry, &'a Written),
}

/// Decides by what the ledger knows and by the number of rows that the table has now.
fn decide(entry: Option<&Entry>, rows: i64) -> Decision<'_> {
    let Some(entry) = entry else { return if rows > 0 { Decision::Write } else { Decision::Leave } };
    match (entry.state, &entry.written) {
        (State::Dropped, _) if rows > 0 => Decision::Complain(
            "rows came after the others were dropped; take them out, restore the slot, and bring them back",
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
        (State::Written, Some(written)) => Decision::Prove(entry, written),
        _ => Decision::Leave,
    }
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
