//! Alerts: the changes that reports tell, each as the run that found it is stored, for those who may read the report.
//!
//! PostgreSQL alone says what is new and who may know it: a stream asks as its user (`news`), by the number of the last change
//! that it has told of each report (`positions`). The announcement of a run is only a reason to ask at once.

mod news;
mod positions;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use tally_postgres::{Connector, Failure};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::access::Caller;
use crate::config::ReportConfig;
use crate::problem::Problem;
use crate::streams::Seats;

pub use positions::{read, AlertPositions};
pub use subscription::AlertSubscription;

/// The channel on which runs with new changes are announced.
const CHANNEL: &str = "serve_reports";
/// Time before another attempt to listen.
const AGAIN: Duration = Duration::from_secs(5);

/// The alerts of a service.
pub struct Alerts {
    seats: Arc<Seats>,
    /// Ways to the database on which announcements can be heard.
    ways: Vec<Connector>,
    /// Told whenever there may be something new.
    heard: watch::Sender<()>,
}

impl Alerts {
    /// Prepares to listen by the connections of these reports; does not connect yet.
    pub fn new(reports: &[ReportConfig], seats: Arc<Seats>) -> Result<Self, Failure> {
        let ways = reports.iter().map(|report| report.database.connector("serve alerts"));
        Ok(Self { seats, ways: ways.collect::<Result<_, _>>()?, heard: watch::Sender::default() })
    }

    /// Listens to what is announced, for ever. One way is enough: runs of all services are announced to everybody.
    pub async fn listen(&self) {
        for way in self.ways.iter().cycle() {
            if let Err(error) = way.listen(CHANNEL, || self.heard.send_replace(())).await {
                tracing::debug!(error = %tally_postgres::explain(&error), "reports are not heard");
            }
            sleep(AGAIN).await;
        }
        // A service without reports of its own hears nothing: its streams look now and then.
        std::future::pending().await
    }

    /// Begins a stream of all reports that the caller may read, or of those named; after these positions, or with what comes.
    pub async fn subscribe(
        &self,
        caller: Caller,
        after: Option<AlertPositions>,
        reports: Vec<String>,
    ) -> Result<AlertSubscription, Problem> {
        let seat = self.seats.take(caller)?;
        AlertSubscription::begin(seat, self.heard.subscribe(), after, reports).await
    }
}
