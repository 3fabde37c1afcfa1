//! The sections of the service in the configuration file; `docs/serve.md` and `docs/reports.md` are their reference.

mod report;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tally_postgres::{suggestion, Failure};
use tally_rows::config::{from_toml, Config, Database, NotifyConfig};

pub use report::{ReportConfig, Schedule, Source};

/// The keys at the top of a file without topics.
const KEYS: [&str; 4] = ["database", "notify", "report", "serve"];

/// The service: its address, its users, its limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeConfig {
    /// The address and port to listen on.
    pub listen: String,
    /// The database, if it is another one than the loader's; users connect with their own names and passwords.
    pub database: Option<Database>,
    /// Names by which browsers reach the service, beside localhost and addresses.
    pub hosts: Vec<String>,
    /// Whether a proxy on the way encrypts, and says in X-Forwarded-For who asks.
    pub behind_proxy: bool,
    /// The certificate, with which the service encrypts itself.
    pub tls: Option<TlsFiles>,
    /// The role of those who do not log in; without it they are refused.
    pub anonymous: Option<Anonymous>,
    /// Machines that come with a token in place of a name and a password.
    #[serde(rename = "token")]
    pub tokens: Vec<MachineToken>,
    /// Seconds that a statement may take.
    pub statement_seconds: u64,
    /// Connections to the database for each user.
    pub connections_per_user: usize,
    /// Connections to the database for all users.
    pub connections: usize,
    /// The reports that the service runs.
    #[serde(skip)]
    pub reports: Vec<ReportConfig>,
    /// The webhook that is told of problems and of new changes, if there is one.
    #[serde(skip)]
    pub notify: Option<NotifyConfig>,
    /// Topics whose messages are served as events.
    pub events: Vec<EventsConfig>,
    /// Streams of events at a time for each user.
    pub streams_per_user: usize,
    /// Whether the file has no topics, and so is of no use for the loader.
    #[serde(skip)]
    pub is_alone: bool,
}

/// Files of a certificate in PEM form, which are read again at SIGHUP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
}

/// The role of those who do not log in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anonymous {
    /// The connection as that role.
    pub database: Database,
}

/// A machine's token, and the role for which it stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineToken {
    /// SHA-256 of the token, in hexadecimal digits.
    pub sha256: String,
    /// The connection as that role.
    pub database: Database,
}

/// A topic whose messages are served as events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    /// The topic, which a section [[topic]] is for.
    pub topic: String,
    /// The column by whose value events can be chosen.
    pub key: Option<String>,
    /// Megabytes of the newest events that are kept for clients who are late.
    #[serde(default = "default_memory")]
    pub memory_mb: usize,
    /// Seconds after which the rights of those who read are asked again.
    #[serde(default = "default_rights")]
    pub rights_seconds: u64,
}

fn default_memory() -> usize {
    32
}

fn default_rights() -> u64 {
    30
}

impl EventsConfig {
    /// Time after which rights are asked again.
    pub fn rights(&self) -> Duration {
        Duration::from_secs(self.rights_seconds)
    }
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8087".into(),
            database: None,
            hosts: Vec::new(),
            behind_proxy: false,
            tls: None,
            anonymous: None,
            tokens: Vec::new(),
            statement_seconds: 30,
            connections_per_user: 4,
            connections: 64,
            reports: Vec::new(),
            notify: None,
            events: Vec::new(),
            streams_per_user: 20,
            is_alone: true,
        }
    }
}

/// The sections that the service reads.
#[derive(Deserialize)]
struct Sections {
    database: Option<Database>,
    serve: Option<ServeConfig>,
    #[serde(default, rename = "report")]
    reports: Vec<ReportConfig>,
    notify: Option<NotifyConfig>,
}

impl ServeConfig {
    /// Reads a file; without a section `[serve]` there is none to return. A file with topics is the loader's too.
    pub fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|e| {
            Failure::usage(e).at(&name).mend("set --config to the path of a readable TOML file")
        })?;
        Self::parse(&name, &text)
    }

    fn parse(name: &str, text: &str) -> Result<Option<Self>, Failure> {
        let failure = |error: toml::de::Error| from_toml(name, text, &error);
        let table: toml::Table = toml::from_str(text).map_err(failure)?;
        if !table.contains_key("serve") {
            return Ok(None);
        }
        let is_alone = !table.contains_key("topic");
        let mut topics = Vec::new();
        if !is_alone {
            topics = Config::parse(name, text)?.topics;
        } else if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(Failure::usage(format!("unknown key {key:?}")).at(name).mend(suggestion(key, &KEYS)));
        }
        let Sections { database, serve, reports, notify } = toml::from_str(text).map_err(failure)?;
        let Some(mut config) = serve else { return Ok(None) };
        config.database = config.database.or(database);
        config.is_alone = is_alone;
        config.reports = reports;
        config.notify = notify;
        config.validate().map_err(|failure| failure.at(name))?;
        let is_known = |events: &&EventsConfig| {
            topics
                .iter()
                .any(|topic| topic.name == events.topic || topic.is_pattern() && topic.fits(&events.topic))
        };
        if let Some(EventsConfig { topic, .. }) = config.events.iter().find(|events| !is_known(events)) {
            let what = format!("[[serve.events]]: no [[topic]] is for {topic:?}");
            return Err(Failure::usage(what).at(name).mend("name a topic that the file has a section for"));
        }
        Ok(Some(config))
    }

    /// Checks what belongs together.
    pub fn validate(&self) -> Result<(), Failure> {
        let wrong = |what: &str, mend: &str| Err(Failure::usage(format!("[serve]: {what}")).mend(mend));
        if self.database.is_none() {
            return wrong("no database is named", "add the key `database`, or say --database");
        }
        if self.statement_seconds == 0 || self.connections_per_user == 0 || self.connections == 0 {
            let what = "`statement_seconds`, `connections_per_user` and `connections` must be at least 1";
            return wrong(what, "omit them for the defaults");
        }
        let address = self.address()?;
        if !address.ip().is_loopback() && self.tls.is_none() && !self.behind_proxy {
            return wrong(
                "passwords would cross the network without encryption",
                "add a section [serve.tls], or set `behind_proxy = true` where a proxy encrypts",
            );
        }
        if self.streams_per_user == 0 || self.events.iter().any(|e| e.memory_mb == 0 || e.rights_seconds == 0)
        {
            let what = "`streams_per_user`, `memory_mb` and `rights_seconds` must be at least 1";
            return wrong(what, "omit them for the defaults");
        }
        let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !self.tokens.iter().all(|token| is_digest(&token.sha256)) {
            return wrong(
                "`sha256` of a token must have 64 hexadecimal digits",
                "take those that sha256sum prints",
            );
        }
        if let Some(Err((what, mend))) = self.notify.as_ref().map(NotifyConfig::validate) {
            return Err(Failure::usage(format!("[notify]: {what}")).mend(mend));
        }
        for (place, report) in self.reports.iter().enumerate() {
            report.validate()?;
            if self.reports[..place].iter().any(|other| other.name == report.name) {
                return Err(Failure::usage(format!("report {:?} is listed twice", report.name))
                    .mend("give each report a name of its own"));
            }
        }
        Ok(())
    }

    /// Returns the address to listen on.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        self.listen.parse().map_err(|_| {
            Failure::usage(format!("[serve]: `listen` is no address with a port: {:?}", self.listen))
                .mend("write one, such as \"127.0.0.1:8087\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        ServeConfig::parse("t.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn alone_and_beside_topics() {
        let alone = ServeConfig::parse("t.toml", "database = 'host=a'\n[serve]\n").unwrap().unwrap();
        assert_eq!((alone.listen.as_str(), alone.statement_seconds), ("127.0.0.1:8087", 30));
        let loader =
            "job = 'j'\ndatabase = 'd'\nbrokers = 'b'\n[serve]\nlisten = '[::1]:80'\n[[topic]]\nname = 't'\n";
        assert_eq!(ServeConfig::parse("t.toml", loader).unwrap().unwrap().listen, "[::1]:80");
        assert!(Config::parse("t.toml", loader).is_ok(), "the loader passes over the section");
        assert!(ServeConfig::parse("t.toml", "database = 'host=a'\n").unwrap().is_none());
    }

    #[test]
    fn unknown_keys() {
        let serve = "database = 'd'\n[serve]\n";
        assert_eq!(
            complaint(&format!("{serve}lisen = 'x'\n")),
            "t.toml:3: unknown key \"lisen\"; did you mean \"listen\"?"
        );
        assert!(complaint("databas = 'd'\n[serve]\n").contains("did you mean \"database\"?"));
        assert!(complaint("[serve]\n").contains("no database is named"));
    }

    #[test]
    fn events_are_of_topics() {
        let loader = "job = 'j'\ndatabase = 'd'\nbrokers = 'b'\n[serve]\n[[topic]]\nname = 'md_*'\n[[topic]]\nname = 't'\n";
        let events = |topic: &str| format!("{loader}[[serve.events]]\ntopic = '{topic}'\nkey = 'symbol'\n");
        for topic in ["t", "md_trades"] {
            let config = ServeConfig::parse("t.toml", &events(topic)).unwrap().unwrap();
            assert_eq!((config.events[0].topic.as_str(), config.events[0].rights_seconds), (topic, 30));
        }
        assert!(complaint(&events("u")).contains("no [[topic]] is for \"u\""));
        let alone = "database = 'd'\n[serve]\n[[serve.events]]\ntopic = 't'\n";
        assert!(complaint(alone).contains("no [[topic]] is for \"t\""));
    }

    #[test]
    fn nothing_secret_in_clear_text() {
        let serve = "database = 'd'\n[serve]\nlisten = '0.0.0.0:8087'\n";
        assert!(complaint(serve).contains("without encryption"));
        assert!(ServeConfig::parse("t.toml", &format!("{serve}behind_proxy = true\n")).is_ok());
        let token = "database = 'd'\n[[serve.token]]\nsha256 = 'secret'\ndatabase = 'd'\n";
        assert!(complaint(token).contains("64 hexadecimal digits"));
    }
}
