//! Messages in the forms that webhooks take.

use jiff::{SignedDuration, Timestamp};
use serde_json::{json, Value};
use tally_rows::config::NotifyFormat;

use super::problems::REPETITION;

/// Time for which an alert outlives its repetition, in case that comes late.
const GRACE: SignedDuration = SignedDuration::from_mins(15);

/// The sender.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The command, such as `tally load`.
    pub program: &'static str,
    /// The name of its job.
    pub job: String,
}

/// A thing that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The kind, such as `topic stopped`.
    pub name: &'static str,
    /// The topic or table that has it, where there can be several; empty otherwise.
    pub subject: String,
}

/// The phase of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Begun a moment ago.
    Begins,
    /// Told some hours ago, and still there.
    Lasts,
    /// Gone.
    Over,
    /// No problem, but news.
    News,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    pub problem: Problem,
    pub phase: Phase,
    pub summary: String,
    /// Time at which the problem began.
    pub since: Timestamp,
    /// Time at which this was noticed.
    pub at: Timestamp,
}

impl Message {
    /// The body that a webhook of this format takes.
    pub fn body(&self, format: NotifyFormat, origin: &Origin) -> Value {
        match format {
            NotifyFormat::Slack => json!({ "text": self.sentence(origin) }),
            NotifyFormat::Alertmanager => json!([self.alert(origin)]),
            NotifyFormat::Json => self.object(origin),
        }
    }

    fn sentence(&self, origin: &Origin) -> String {
        let Origin { program, job } = origin;
        let Self { problem, summary, since, .. } = self;
        // What users wrote must not become a link, a mention or a channel (Slack's escapes).
        let summary = summary.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        match self.phase {
            Phase::Begins | Phase::News => format!("{program} {job}: {}: {summary}", problem.name),
            Phase::Lasts => format!("{program} {job}: {} since {since:.0}: {summary}", problem.name),
            Phase::Over => format!("{program} {job}: no longer {}: {summary}", problem.name),
        }
    }

    /// An alert of Alertmanager's API, version 2. One without an end would be taken as over after some minutes.
    fn alert(&self, origin: &Origin) -> Value {
        let end = match self.phase {
            Phase::Over => self.at,
            Phase::Begins | Phase::Lasts | Phase::News => {
                let lasting = SignedDuration::try_from(REPETITION).map(|repetition| repetition + GRACE);
                lasting.ok().and_then(|lasting| self.at.checked_add(lasting).ok()).unwrap_or(self.at)
            }
        };
        let alert_name: Vec<String> = self.problem.name.split(' ').map(capitalised).collect();
        json!({
            "labels": {
                "alertname": format!("Tally{}", alert_name.concat()),
                "program": origin.program,
                "job": origin.job,
                "subject": self.problem.subject,
            },
            "annotations": { "summary": self.summary },
            "startsAt": format!("{:.0}", self.since),
            "endsAt": format!("{end:.0}"),
        })
    }

    fn object(&self, origin: &Origin) -> Value {
        json!({
            "program": origin.program,
            "job": origin.job,
            "problem": self.problem.name,
            "subject": self.problem.subject,
            "phase": match self.phase {
                Phase::Begins => "begins",
                Phase::Lasts => "lasts",
                Phase::Over => "over",
                Phase::News => "news",
            },
            "summary": self.summary,
            "since": format!("{:.0}", self.since),
            "at": format!("{:.0}", self.at),
        })
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(phase: Phase) -> Message {
        let problem = Problem { name: "topic stopped", subject: "trades".into() };
        let (since, at) = ("2026-03-01T00:00:00Z".parse().unwrap(), "2026-03-01T01:00:00Z".parse().unwrap());
        Message { problem, phase, summary: "<!channel> & \"x\"".into(), since, at }
    }

    fn origin() -> Origin {
        Origin { program: "tally load", job: "market".into() }
    }

    #[test]
    fn slack_shows_text_as_text() {
        let body = message(Phase::Begins).body(NotifyFormat::Slack, &origin());
        assert_eq!(body["text"], "tally load market: topic stopped: &lt;!channel&gt; &amp; \"x\"");
        let body = message(Phase::Lasts).body(NotifyFormat::Slack, &origin());
        assert!(body["text"].as_str().unwrap().contains("topic stopped since 2026-03-01T00:00:00Z: "));
    }

    #[test]
    fn an_alert_lasts_until_it_is_repeated() {
        let body = message(Phase::Begins).body(NotifyFormat::Alertmanager, &origin());
        assert_eq!(body[0]["labels"]["alertname"], "TallyTopicStopped");
        assert_eq!(body[0]["startsAt"], "2026-03-01T00:00:00Z");
        assert_eq!(body[0]["endsAt"], "2026-03-01T05:15:00Z");
        let body = message(Phase::Over).body(NotifyFormat::Alertmanager, &origin());
        assert_eq!(body[0]["endsAt"], "2026-03-01T01:00:00Z");
    }
}
