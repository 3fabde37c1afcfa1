//! Stores rows although the server refuses some of them.

use std::collections::{BTreeMap, HashMap};

use tally_postgres::ErrorKind;
use tally_rows::decode::{Reject, Rows};
use tokio_postgres::{Error, Transaction};

use super::destination::Destination;
use crate::pg::{self, error_kind};

/// The messages of which the server refused a row, with its reasons.
pub type Refused = BTreeMap<u32, Reject>;

/// Stores the rows that the server takes, and returns the messages of the others.
///
/// A message is stored whole or not at all: when one of its rows is refused, its rows in other tables are not stored
/// either.
pub async fn store_around(
    tx: &mut Transaction<'_>,
    destinations: &[(usize, Destination)],
    rows: &[Rows],
) -> Result<Refused, Error> {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    rows.iter().flat_map(|rows| (0..rows.len()).map(|row| rows.message(row))).for_each(|message| {
        *counts.entry(message).or_default() += 1;
    });
    let mut refused = Refused::new();
    loop {
        let mut savepoint = tx.transaction().await?;
        let mut found = Refused::new();
        for (number, destination) in destinations {
            let rows = &rows[*number];
            let wanted: Vec<usize> =
                (0..rows.len()).filter(|row| !refused.contains_key(&rows.message(*row))).collect();
            let of_table = copy_around(&mut savepoint, destination, rows, &wanted, u64::MAX).await?;
            found.extend(of_table.into_iter().map(|(row, reject)| (rows.message(row), reject)));
        }
        // A refused message of several rows may have stored some of them.
        let leaves_rows = found.keys().any(|message| counts[message] > 1);
        refused.extend(found);
        if leaves_rows {
            savepoint.rollback().await?;
        } else {
            savepoint.commit().await?;
            return Ok(refused);
        }
    }
}

/// The number of refused rows up to which the client tries again without them; beyond it the server tries rows one by
/// one.
const FEW: u64 = 16;

/// Copies those of the wanted rows that the server takes, and returns the others with its reasons; may give up after
/// more than `most` of them.
pub async fn copy_around(
    tx: &mut Transaction<'_>,
    destination: &Destination,
    rows: &Rows,
    wanted: &[usize],
    most: u64,
) -> Result<Vec<(usize, Reject)>, Error> {
    // A deferred constraint would be checked at COMMIT, when it is too late to leave a row out.
    tx.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    let few = if destination.one_by_one().is_some() { most.min(FEW) } else { most };
    let (mut refused, done) = copy_in_runs(tx, destination, rows, wanted, few).await?;
    let rest = &wanted[done..];
    if rest.is_empty() || refused.len() as u64 > most {
        return Ok(refused);
    }
    let one_by_one = destination.one_by_one().expect("without it the runs above go on to the last row");
    let Some(copy) = one_by_one.open(tx).await? else {
        let (found, _) = copy_in_runs(tx, destination, rows, rest, most - refused.len() as u64).await?;
        refused.extend(found);
        return Ok(refused);
    };
    // Values that do not fit the types of their columns are refused on the way to the staging table.
    let stage = Destination::straight(&one_by_one.table, copy);
    let (unfit, _) = copy_in_runs(tx, &stage, rows, rest, most).await?;
    let is_fit = |row: &&usize| unfit.binary_search_by_key(row, |(unfit, _)| unfit).is_err();
    let fit: Vec<usize> = rest.iter().filter(is_fit).copied().collect();
    let found = one_by_one.insert(tx).await?;
    refused.extend(found.into_iter().map(|(number, reject)| (fit[number], reject)));
    refused.extend(unfit);
    refused.sort_by_key(|(row, _)| *row);
    Ok(refused)
}

/// Copies rows in runs until more than `most` are refused; returns the refused rows, and how many rows are dealt with.
///
/// The server names the row that it refuses, or, for a check at the end of the statement, none: then the run of rows
/// is halved. Runs grow again while rows are taken, so that even a batch full of refused rows resends little.
async fn copy_in_runs(
    tx: &mut Transaction<'_>,
    destination: &Destination,
    rows: &Rows,
    wanted: &[usize],
    most: u64,
) -> Result<(Vec<(usize, Reject)>, usize), Error> {
    let mut refused = Vec::new();
    let mut from = 0;
    let mut run = wanted.len();
    while from < wanted.len() && refused.len() as u64 <= most {
        let to = wanted.len().min(from + run);
        let savepoint = tx.transaction().await?;
        let pieces = wanted[from..to].iter().map(|row| rows.slice(*row, row + 1));
        match destination.send(&savepoint, pieces).await {
            Ok(()) => {
                destination.clear(&savepoint).await?;
                savepoint.commit().await?;
                from = to;
                run = (run * 2).max(1);
            }
            Err(error) if error_kind(&error) == ErrorKind::Reject => {
                savepoint.rollback().await?;
                if to - from == 1 {
                    refused.push((wanted[from], reject(&error)));
                    from = to;
                } else {
                    let line = error.as_db_error().and_then(|e| pg::refused_line(e, destination.table()));
                    let good = line.map_or((to - from) / 2, |line| line - 1);
                    run = good.clamp(1, to - from - 1);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok((refused, from))
}

fn reject(error: &Error) -> Reject {
    let db = error.as_db_error();
    Reject {
        sqlstate: error.code().map(|code| code.code().to_string()).unwrap_or_default(),
        column: db.and_then(|e| e.column().map(str::to_string)),
        message: pg::explain(error),
        wider: None,
    }
}
