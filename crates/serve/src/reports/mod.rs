//! Reports that the service runs by itself: what changed, stored as runs, each change told once.
//!
//! PostgreSQL alone says what has been done. A run holds the lock of its report's row from the look whether it is due until
//! it is stored, so that of several services one runs it; whatever is killed, a run is stored whole or not at all.

mod claim;
mod herald;
mod question;
mod setup;
mod sighting;
mod store;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tally_notify::Notifier;
use tally_postgres::Failure;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};

use crate::config::ReportConfig;
use crate::database::{Limits, Mode, Pool, Transaction, REPORT_TABLES};
use crate::problem::Problem;
use claim::{Claim, Next};
use herald::Herald;

pub use setup::set_up;

/// Settings of a transaction.
const BEGUN: &str =
    "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL search_path = pg_catalog, pg_temp";
/// Connections of a report: one holds its row, one asks, one tells.
const CONNECTIONS: usize = 3;
/// Time until another look after one has failed, or while another service is at work.
const AGAIN: Duration = Duration::from_secs(5);
/// Most time between two looks: the configuration of another service may have changed the report.
const LOOK: Duration = Duration::from_secs(600);
/// Most time between two looks for what is still to be told.
const TELL: Duration = Duration::from_secs(60);
/// Time after which an idle connection is closed.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// A report with its connections.
struct Report {
    config: ReportConfig,
    pool: Arc<Pool>,
    herald: Option<Herald>,
    /// Told when a run was stored.
    stored: Notify,
}

/// The reports of a service.
pub struct Reports(Vec<Report>);

impl Reports {
    /// Prepares the reports; does not connect yet.
    pub fn new(configs: &[ReportConfig], notifier: Option<&Arc<Notifier>>) -> Result<Self, Failure> {
        let report = |config: &ReportConfig| {
            let limits = Limits {
                connections_per_user: CONNECTIONS,
                connections: Arc::new(Semaphore::new(CONNECTIONS)),
                crowded: Arc::default(),
                statement: config.timeout(),
            };
            Ok(Report {
                pool: Arc::new(Pool::new(config.database.connector("serve report")?, limits)),
                config: config.clone(),
                herald: notifier.cloned().map(Herald),
                stored: Notify::new(),
            })
        };
        Ok(Self(configs.iter().map(report).collect::<Result<_, Failure>>()?))
    }

    /// Runs the reports when they are due, for ever.
    pub async fn run(&self) {
        join_all(self.0.iter().map(Report::run)).await;
        // Without reports there is nothing to end.
        std::future::pending().await
    }
}

impl Report {
    async fn run(&self) {
        tokio::join!(self.keep_running(), self.keep_telling());
    }

    async fn keep_running(&self) {
        loop {
            let pause = match self.look().await {
                Ok(pause) => {
                    self.herald.iter().for_each(|herald| herald.is_looked_at(&self.config.name));
                    pause.min(LOOK)
                }
                Err(problem) => {
                    let name = &self.config.name;
                    tracing::warn!(report = name, error = problem.text(), "a report cannot be run");
                    self.herald.iter().for_each(|herald| herald.is_not_looked_at(name, &problem.text()));
                    AGAIN
                }
            };
            self.pool.close_idle(IDLE);
            sleep(pause).await;
        }
    }

    /// Runs the report if it is due; returns the time until it may be due again.
    async fn look(&self) -> Result<Duration, Problem> {
        let transaction = self.begin().await?;
        match self.run_if_due(&transaction).await {
            Ok((pause, has_run)) => {
                transaction.commit().await?;
                if has_run {
                    tracing::info!(report = self.config.name, "ran a report");
                }
                self.stored.notify_one();
                Ok(pause)
            }
            Err(problem) => {
                transaction.roll_back().await;
                Err(problem)
            }
        }
    }

    /// Returns that time, and whether the report has run.
    async fn run_if_due(&self, transaction: &Transaction) -> Result<(Duration, bool), Problem> {
        let client = transaction.client();
        REPORT_TABLES.ensure(client).await?;
        let Some(claim) = Claim::take(client, &self.config).await? else { return Ok((AGAIN, false)) };
        let attempt = match claim.next() {
            Next::Wait(pause) => return Ok((pause, false)),
            Next::Attempt(attempt) => attempt,
        };
        let asked = question::ask(&self.pool, &self.config).await;
        let has_run = asked.is_ok();
        let pause = store::keep(client, &self.config, &claim, attempt, asked, self.herald.is_some()).await?;
        Ok((pause, has_run))
    }

    async fn keep_telling(&self) {
        let Some(herald) = &self.herald else { return };
        loop {
            if let Err(problem) = self.tell(herald).await {
                tracing::debug!(report = self.config.name, error = problem.text(), "nothing can be told");
            }
            timeout(TELL, self.stored.notified()).await.ok();
        }
    }

    async fn tell(&self, herald: &Herald) -> Result<(), Problem> {
        let transaction = self.begin().await?;
        match self.tell_within(&transaction, herald).await {
            Ok(()) => transaction.commit().await,
            Err(problem) => {
                transaction.roll_back().await;
                Err(problem)
            }
        }
    }

    async fn tell_within(&self, transaction: &Transaction, herald: &Herald) -> Result<(), Problem> {
        let client = transaction.client();
        match REPORT_TABLES.are_there(client).await? {
            true => herald.tell(client, &self.config.name).await,
            false => Ok(()),
        }
    }

    /// Begins a transaction that may wait for what happens elsewhere, and finds nothing by its `search_path`.
    async fn begin(&self) -> Result<Transaction, Problem> {
        let transaction = Transaction::begin(&self.pool, Mode::Write, self.pool.patience()).await?;
        transaction.client().batch_execute(BEGUN).await?;
        Ok(transaction)
    }
}
