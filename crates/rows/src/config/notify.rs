//! Settings of notifications.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use tally_postgres::Failure;

use super::complaint::from_toml;
use super::secret::Secret;

/// The section `[notify]`: the webhook that is told of problems.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifyConfig {
    /// Address of the webhook, which is often a secret.
    pub url: Secret,
    /// Form of the messages.
    #[serde(default)]
    pub format: NotifyFormat,
    /// Share of messages that may become dead letters within ten minutes before that is told.
    #[serde(default = "default_dead_letter_share")]
    pub dead_letter_share: f64,
}

/// The form of notifications.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotifyFormat {
    /// An object whose names stand in docs/loader-operations.md.
    #[default]
    Json,
    /// An incoming webhook of Slack, or of those that take the same, such as Mattermost.
    Slack,
    /// Version 2 of the API of Prometheus's Alertmanager; the address ends in `/api/v2/alerts`.
    Alertmanager,
}

fn default_dead_letter_share() -> f64 {
    0.01
}

impl NotifyConfig {
    /// Reads the section of a file, whatever else is in it; none if there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, Failure> {
        #[derive(Deserialize)]
        struct Sections {
            notify: Option<NotifyConfig>,
        }
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|e| Failure::usage(e).at(&name).mend("name a readable TOML file"))?;
        let Sections { notify } = toml::from_str(&text).map_err(|error| from_toml(&name, &text, &error))?;
        match notify.as_ref().map(Self::validate) {
            Some(Err((what, mend))) => Err(Failure::usage(format!("[notify]: {what}")).at(&name).mend(mend)),
            _ => Ok(notify),
        }
    }

    /// Returns what is wrong with the section and how to mend it, if anything.
    pub fn validate(&self) -> Result<(), (String, &'static str)> {
        if !(0.0..=1.0).contains(&self.dead_letter_share) {
            return Err((
                format!("`dead_letter_share` is {}", self.dead_letter_share),
                "write a share between 0 and 1",
            ));
        }
        Ok(())
    }
}
