//! Watches work that takes long: logs which session holds a lock, ends the session of a loader that holds one but is
//! suspended, and drops the connections if the database does not answer at all.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Error;

use crate::pg::{self, Connector};

/// Time before the first report, and at most between two of them.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);
/// Time that a small query may take before the connection counts as lost: a firewall or proxy is dropping packets, or
/// the server is frozen.
const SILENCE: Duration = Duration::from_secs(30);

/// Ends sessions of this job's loaders that hold a lock in the middle of a COPY and send no more of it: the loader is
/// suspended, or its network is cut. The server's `idle_in_transaction_session_timeout` does not apply during a COPY.
const END_SILENT: &str = "SELECT b.pid, pg_terminate_backend(b.pid)
    FROM pg_stat_activity a
    CROSS JOIN LATERAL unnest(pg_blocking_pids(a.pid)) AS blocker(pid)
    JOIN pg_stat_activity b ON b.pid = blocker.pid
    WHERE a.application_name = left($1, 63) AND a.wait_event_type = 'Lock'
      AND b.application_name = a.application_name AND b.usesysid = a.usesysid
      AND b.state = 'active' AND b.wait_event = 'ClientRead' AND b.query_start < now() - interval '30 s'";

/// Does the work, and logs which sessions it waits for meanwhile. If the database does not even answer on a new
/// connection, the work ends with the error of a lost one.
pub async fn watch<T>(connector: &Connector, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut wait = FIRST;
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(wait) => {}
        }
        tokio::select! {
            done = &mut work => return done,
            reported = timeout(SILENCE, report_blockers(connector)) => match reported {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(error = %pg::explain(&error), "cannot tell what the database waits for");
                }
                Err(_) => {
                    tracing::warn!("the database does not answer; hanging up");
                    connector.hang_up();
                    wait = Duration::ZERO;
                }
            },
        }
        wait = (2 * wait).clamp(FIRST, LONGEST);
    }
}

/// Logs which sessions hold locks that this job waits for, and ends those of suspended loaders.
async fn report_blockers(connector: &Connector) -> Result<(), Error> {
    let sql = "SELECT b.pid, coalesce(b.usename, '') || coalesce(' (' || nullif(b.application_name, '') || ')', ''),
                      coalesce(b.state, b.backend_type), coalesce(left(b.query, 200), ''),
                      extract(epoch FROM now() - b.xact_start)::bigint
               FROM pg_stat_activity a
               CROSS JOIN LATERAL unnest(pg_blocking_pids(a.pid)) AS blocker(pid)
               JOIN pg_stat_activity b ON b.pid = blocker.pid
               WHERE a.application_name = left($1, 63) AND a.wait_event_type = 'Lock'";
    let client = connector.connect().await?;
    let ours = connector.application_name();
    for row in client.query(sql, &[&ours]).await? {
        let (process, who, state): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
        let (query, seconds): (String, Option<i64>) = (row.get(3), row.get(4));
        tracing::warn!(process, who, state, query, seconds, "waiting for a lock that another session holds");
    }
    for row in client.query(END_SILENT, &[&ours]).await? {
        let process: i32 = row.get(0);
        tracing::warn!(process, "ended the session of a loader of this job that sends no more of its COPY");
    }
    Ok(())
}
