//! Connection strings and environment variables as libpq reads them, as far as tokio-postgres does not.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

use crate::failure::Failure;

/// The parameters read here, each with its environment variable.
const OURS: [(&str, &str); 6] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslpassword", ""),
    ("passfile", "PGPASSFILE"),
];

/// A parsed connection string.
pub struct Conninfo {
    /// The parameters that tokio-postgres knows, completed from the environment.
    pub config: Config,
    ours: BTreeMap<&'static str, String>,
}

impl Conninfo {
    /// Reads a URL or a key=value string; `environment` supplies missing parameters.
    pub fn parse(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let (rest, mut ours) = split(text);
        let mut config: Config = rest.parse().map_err(|error| {
            Failure::usage(crate::server_error::explain(&error)).at("`database`").mend(SHAPE)
        })?;
        for (key, variable) in OURS {
            if let (false, Some(value)) = (ours.contains_key(key), environment(variable)) {
                ours.insert(key, value);
            }
        }
        complete(&mut config, environment);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(Failure::usage("no host is named").at("`database`").mend(SHAPE));
        }
        Ok(Self { config, ours })
    }

    /// Returns a parameter that tokio-postgres does not know.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.ours.get(key).map(String::as_str)
    }
}

const SHAPE: &str = "write postgres://user@host:5432/name, or host=... user=... dbname=...";

/// Fills in parameters that the string does not set.
fn complete(config: &mut Config, environment: impl Fn(&str) -> Option<String>) {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        for host in environment("PGHOST").iter().flat_map(|hosts| hosts.split(',')) {
            config.host(host);
        }
    }
    if config.get_ports().is_empty() {
        for port in environment("PGPORT").iter().flat_map(|ports| ports.split(',')) {
            port.parse().map(|port| config.port(port)).ok();
        }
    }
    if let (None, Some(user)) = (config.get_user(), environment("PGUSER")) {
        config.user(user);
    }
    if let (None, Some(name)) = (config.get_dbname(), environment("PGDATABASE")) {
        config.dbname(name);
    }
    if let (None, Some(options)) = (config.get_options(), environment("PGOPTIONS")) {
        config.options(options);
    }
    if let (None, Some(password)) = (config.get_password(), environment("PGPASSWORD")) {
        config.password(password);
    }
}

/// Takes our parameters out of a connection string.
fn split(text: &str) -> (String, BTreeMap<&'static str, String>) {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        split_url(text)
    } else {
        split_pairs(text)
    }
}

fn split_url(text: &str) -> (String, BTreeMap<&'static str, String>) {
    let mut ours = BTreeMap::new();
    let Some((rest, query)) = text.split_once('?') else { return (text.into(), ours) };
    let others: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let known = OURS.iter().find(|(ours, _)| *ours == key);
            if let Some((key, _)) = known {
                ours.insert(*key, percent_decode_str(value).decode_utf8_lossy().into_owned());
            }
            known.is_none() && !pair.is_empty()
        })
        .collect();
    let mark = if others.is_empty() { "" } else { "?" };
    (format!("{rest}{mark}{}", others.join("&")), ours)
}

/// Parses key=value pairs; tokio-postgres complains about malformed ones.
fn split_pairs(text: &str) -> (String, BTreeMap<&'static str, String>) {
    let mut ours = BTreeMap::new();
    let mut others = String::new();
    let mut left = text.trim_start();
    while let Some((key, after)) = left.split_once('=') {
        let (value, end) = value(after.trim_start());
        let after = &after.trim_start()[end..];
        match OURS.iter().find(|(ours, _)| *ours == key.trim_end()) {
            Some((key, _)) => {
                ours.insert(*key, value);
            }
            None => {
                others.push_str(&left[..left.len() - after.len()]);
                others.push(' ');
            }
        }
        left = after.trim_start();
    }
    (others + left, ours)
}

/// Reads the value at the beginning of a text, without quotes and escapes; returns it and its end.
fn value(text: &str) -> (String, usize) {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(usize::from(quoted)) {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '\'' if quoted => return (value, at + 1),
            c if c.is_whitespace() && !quoted => return (value, at),
            c => value.push(c),
        }
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn takes_what_libpq_takes() {
        for text in [
            "postgres://u:p%40@h:5433/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fa%20b.pem",
            "host=h port=5433 user=u password='p@' dbname=d sslmode = verify-full connect_timeout=3 \
             sslrootcert='/a b.pem'",
            r"sslrootcert=/a\ b.pem host=h port=5433 user=u password=p@ dbname=d sslmode='verify-full' connect_timeout=3",
        ] {
            let info = Conninfo::parse(text, nothing).unwrap();
            assert_eq!(info.get("sslmode"), Some("verify-full"), "{text}");
            assert_eq!(info.get("sslrootcert"), Some("/a b.pem"), "{text}");
            assert_eq!(info.get("sslkey"), None);
            assert_eq!(info.config.get_hosts(), [Host::Tcp("h".into())]);
            assert_eq!(info.config.get_ports(), [5433]);
            assert_eq!((info.config.get_user(), info.config.get_dbname()), (Some("u"), Some("d")));
            assert_eq!(info.config.get_password(), Some(b"p@".as_slice()));
            assert_eq!(info.config.get_connect_timeout().unwrap().as_secs(), 3);
        }
    }

    #[test]
    fn the_environment_fills_what_is_open() {
        let environment = |name: &str| {
            let value = match name {
                "PGHOST" => "/run/pg",
                "PGPORT" => "6000",
                "PGUSER" => "eve",
                "PGDATABASE" => "market",
                "PGPASSWORD" => "hunter2",
                "PGSSLMODE" => "require",
                _ => return None,
            };
            Some(value.to_string())
        };
        let info = Conninfo::parse("", environment).unwrap();
        assert_eq!(info.config.get_hosts(), [Host::Unix("/run/pg".into())]);
        assert_eq!((info.config.get_user(), info.config.get_dbname()), (Some("eve"), Some("market")));
        assert_eq!((info.config.get_ports(), info.get("sslmode")), ([6000].as_slice(), Some("require")));
        assert_eq!(info.config.get_password(), Some(b"hunter2".as_slice()));
        let info = Conninfo::parse("postgres://me:mine@here:1/there?sslmode=disable", environment).unwrap();
        assert_eq!(info.config.get_hosts(), [Host::Tcp("here".into())]);
        assert_eq!((info.config.get_user(), info.config.get_dbname()), (Some("me"), Some("there")));
        assert_eq!((info.config.get_ports(), info.get("sslmode")), ([1].as_slice(), Some("disable")));
        assert_eq!(info.config.get_password(), Some(b"mine".as_slice()));
    }

    #[test]
    fn complaints_do_not_show_the_string() {
        for text in ["postgres://u:hunter2@h:port/d", "host=h pasword=hunter2", "host=h password='hunter2"] {
            let complaint = Conninfo::parse(text, nothing).err().unwrap().to_string();
            assert!(complaint.starts_with("`database`: invalid connection string: "), "{complaint}");
            assert!(!complaint.contains("hunter2"), "{complaint}");
        }
        let complaint = Conninfo::parse("user=u", nothing).err().unwrap().to_string();
        assert!(complaint.starts_with("`database`: no host is named; write postgres://"), "{complaint}");
    }
}
