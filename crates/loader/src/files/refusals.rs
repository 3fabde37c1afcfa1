//! Storing rows although the server refuses some of them.

use tokio_postgres::{Error, Statement, Transaction};

use crate::decode::{Reject, Rows};
use crate::load::copy;
use crate::pg::{self, verdict, Verdict};

/// Copies the rows that the server takes, and gives the others with its reasons.
///
/// The server names the row that it refuses, or, for a check at the end of the statement, none: then the run of rows
/// is halved. Runs grow again while rows are taken, so that even a batch of refused rows sends little in vain. After
/// more than `most` refused rows it gives up.
pub async fn copy_around(
    tx: &mut Transaction<'_>,
    statement: &Statement,
    table: &str,
    rows: &Rows,
    most: u64,
) -> Result<Vec<(usize, Reject)>, Error> {
    // A deferred constraint would only speak at COMMIT, when it is too late to leave a row out.
    tx.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    let mut refused = Vec::new();
    let mut from = 0;
    let mut run = rows.len();
    while from < rows.len() && refused.len() as u64 <= most {
        let to = rows.len().min(from + run);
        let savepoint = tx.transaction().await?;
        match copy(&savepoint, statement, [rows.slice(from, to)]).await {
            Ok(()) => {
                savepoint.commit().await?;
                from = to;
                run = (run * 2).max(1);
            }
            Err(error) if verdict(&error) == Verdict::Row => {
                savepoint.rollback().await?;
                if to - from == 1 {
                    refused.push((from, reject(&error)));
                    from = to;
                } else {
                    let line = error.as_db_error().and_then(|e| pg::refused_line(e, table));
                    let good = line.map_or((to - from) / 2, |line| line - 1);
                    run = good.clamp(1, to - from - 1);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

fn reject(error: &Error) -> Reject {
    let db = error.as_db_error();
    Reject {
        sqlstate: error.code().map(|code| code.code().to_string()).unwrap_or_default(),
        column: db.and_then(|e| e.column().map(str::to_string)),
        message: pg::explain(error),
    }
}
