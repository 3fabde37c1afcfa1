//! Connecting to PostgreSQL by a connection string, the environment and the password file.

mod conninfo;
mod listening;
mod passfile;
mod tls;
mod unreachable;

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postgres_openssl::MakeTlsConnector;
use tokio::sync::Notify;
use tokio_postgres::config::Host;
use tokio_postgres::{CancelToken, Client, Config, Error};

use crate::failure::Failure;
use crate::own_tables::{trust, Owner};
use crate::server_error::explain;
use conninfo::Conninfo;
use tls::Mode;

/// Has the server end a session whose program hangs or is unreachable, so that its locks do not block the next session.
/// Settings of the role, the database or the URL take precedence.
const SESSION: &str = "SELECT pg_catalog.set_config(name, wanted, false)
    FROM (VALUES ('idle_in_transaction_session_timeout', '30s'), ('tcp_keepalives_idle', '30'),
                 ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '60000'))
         AS settings(name, wanted) JOIN pg_catalog.pg_settings USING (name)
    WHERE source IN ('default', 'configuration file')";

/// A way to connect to a database. `Debug` and `Display` never show the password.
#[derive(Clone)]
pub struct Connector {
    config: Config,
    tls: MakeTlsConnector,
    mode: Mode,
    place: String,
    hang_up: Arc<Notify>,
    on_connect: fn(),
    check: Option<String>,
}

impl Connector {
    /// Reads a connection string, the environment and the password file; does not connect yet.
    ///
    /// The password takes precedence over that of the string; the server shows the application name.
    pub fn new(conninfo: &str, password: Option<&str>, application_name: &str) -> Result<Self, Failure> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let home = variable("HOME").map(PathBuf::from);
        let conninfo = Conninfo::parse(conninfo, variable)?;
        let mode = Mode::of(&conninfo)?;
        let tls =
            tls::connector(&conninfo, mode, home.as_deref().map(|home| home.join(".postgresql")).as_deref())?;
        let passfile = conninfo.get("passfile").map(PathBuf::from);
        let mut config = conninfo.config;
        let user = match config.get_user() {
            Some(user) => user.to_string(),
            None => whoami::username()
                .map_err(|error| Failure::usage(error).at("`database`").mend("name the user"))?,
        };
        if let Some(password) = password {
            config.password(password);
        } else if config.get_password().is_none() {
            let file = passfile.or_else(|| home.map(|home| home.join(".pgpass")));
            if let Some(password) = file.and_then(|file| passfile::password(&file, &config, &user)) {
                config.password(password);
            }
        }
        // As in libpq, a local socket needs no encryption.
        let local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        config.ssl_mode(if local { Mode::Disable } else { mode }.negotiation());
        config.application_name(application_name);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        // A connection that has gone silent is noticed within a minute.
        config.keepalives_idle(Duration::from_secs(30)).tcp_user_timeout(Duration::from_secs(60));
        let place = place(&config, &user);
        Ok(Self { config, tls, mode, place, hang_up: Arc::default(), on_connect: || {}, check: None })
    }

    /// Registers a function to be called after every connection.
    pub fn on_connect(self, on_connect: fn()) -> Self {
        Self { on_connect, ..self }
    }

    /// Lets no connection be made while somebody else owns any of a schema that the program keeps for itself.
    pub fn keeping(self, schema: &'static str, owner: Owner) -> Self {
        Self { check: Some(trust(schema, owner)), ..self }
    }

    /// Returns the way to connect to the same database as another user, with that user's password.
    pub fn of_user(&self, user: &str, password: &str) -> Self {
        let mut config = self.config.clone();
        config.user(user).password(password);
        Self { config, hang_up: Arc::default(), ..self.clone() }
    }

    /// Asks the server to cancel what a connection is doing.
    pub async fn cancel(&self, token: &CancelToken) -> Result<(), Error> {
        token.cancel_query(self.tls.clone()).await
    }

    /// Connects, and drives the connection in the background.
    pub async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = loop {
            tokio::select! {
                connected = self.config.connect(self.tls.clone()) => break connected?,
                // The connection was accepted, but the server did not answer: the next attempt may succeed.
                () = self.hang_up.notified() => {}
            }
        };
        (self.on_connect)();
        let hang_up = self.hang_up.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(error = %explain(&error), "the database connection ended");
                },
                () = hang_up.notified() => {}
            }
        });
        client.batch_execute(SESSION).await?;
        if let Some(check) = &self.check {
            client.batch_execute(check).await?;
        }
        Ok(client)
    }

    /// Returns the name of the sessions in `pg_stat_activity`, where it is truncated to 63 bytes.
    pub fn application_name(&self) -> &str {
        self.config.get_application_name().unwrap_or_default()
    }

    /// Drops all connections made so far: their work ends with an error.
    pub fn hang_up(&self) {
        self.hang_up.notify_waiters();
    }

    /// Explains an error of connecting.
    pub fn failure(&self, error: &Error) -> Failure {
        unreachable::failure(&self.place, self.mode, error)
    }
}

impl fmt::Display for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

/// Names the database and its servers, for an error.
fn place(config: &Config, user: &str) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let port = ports.get(at).or(ports.first()).unwrap_or(&5432);
        match host {
            Host::Tcp(host) => format!("{host}:{port}"),
            Host::Unix(path) => Path::join(path, format!(".s.PGSQL.{port}")).display().to_string(),
        }
    });
    let hosts: Vec<String> = hosts.collect();
    format!("database {} at {}", config.get_dbname().unwrap_or(user), hosts.join(", "))
}
