//! News of reports for the webhook: new changes, a run that failed, and that runs succeed again.

use std::sync::Arc;

use tally_notify::{Notifier, Phase, Problem as Matter};
use tokio::sync::oneshot;
use tokio_postgres::Client;

use crate::problem::Problem;

/// Runs of which something is still to be told, each held by the service that tells it.
const UNTOLD: &str = "
    SELECT r.run, r.num_new, r.error, r.untold,
        ARRAY(SELECT f.explanation FROM serve.report_findings f WHERE f.run = r.run AND f.state = 'new' ORDER BY f.place LIMIT 3) AS sentences
    FROM serve.report_runs r WHERE r.report = $1 AND r.untold <> '{}' ORDER BY r.due FOR UPDATE OF r SKIP LOCKED";
const TOLD: &str = "UPDATE serve.report_runs SET untold = '{}' WHERE run = $1";

/// The way to the webhook.
pub struct Herald(pub Arc<Notifier>);

impl Herald {
    /// Tells what is untold; a service that is killed between telling and noting so leaves it to be told again.
    pub async fn tell(&self, client: &Client, report: &str) -> Result<(), Problem> {
        for row in client.query(UNTOLD, &[&report]).await? {
            let (run, num_new): (i64, i32) = (row.get("run"), row.get("num_new"));
            for what in row.get::<_, Vec<String>>("untold") {
                let told = match what.as_str() {
                    "failed" => {
                        let error = row
                            .get::<_, Option<String>>("error")
                            .unwrap_or("it has been tried again since".into());
                        self.deliver(
                            "report failed",
                            report,
                            Phase::Begins,
                            format!("report {report:?}: {error}"),
                        )
                        .await
                    }
                    "works" => {
                        self.deliver(
                            "report failed",
                            report,
                            Phase::Over,
                            format!("report {report:?} has run"),
                        )
                        .await
                    }
                    _ => {
                        let sentences: Vec<Option<String>> = row.get("sentences");
                        self.deliver("new changes", report, Phase::News, news(report, num_new, &sentences))
                            .await
                    }
                };
                if !told {
                    return Ok(());
                }
            }
            client.execute(TOLD, &[&run]).await?;
        }
        Ok(())
    }

    async fn deliver(&self, name: &'static str, report: &str, phase: Phase, summary: String) -> bool {
        let (done, delivered) = oneshot::channel();
        let matter = Matter { name, subject: report.into() };
        self.0.tell(matter, phase, &summary, move || {
            // Nobody may wait any longer.
            done.send(()).ok();
        });
        delivered.await.is_ok()
    }

    /// Says that the database cannot be asked whether a report is due.
    pub fn is_not_looked_at(&self, report: &str, why: &str) {
        self.0.raise(unlooked(report), &format!("report {report:?}: {why}"));
    }

    /// Says that it can.
    pub fn is_looked_at(&self, report: &str) {
        self.0.clear(&unlooked(report));
    }
}

fn unlooked(report: &str) -> Matter {
    Matter { name: "report not run", subject: report.into() }
}

fn news(report: &str, many: i32, sentences: &[Option<String>]) -> String {
    let told: Vec<&str> = sentences.iter().flatten().map(String::as_str).collect();
    let more = many - sentences.len() as i32;
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let changes = if many == 1 { "change" } else { "changes" };
    format!("report {report:?}: {many} new {changes}: {}{more}", told.join("; "))
}
