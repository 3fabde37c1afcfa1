//! Identity: the user of the database that a request is made for, whose rights are PostgreSQL's.

mod attempts;
mod caller;
mod credentials;
mod logins;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use openssl::memcmp;
use openssl::sha::sha256;
use tally_postgres::{Connector, Failure};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};

use crate::config::ServeConfig;
use crate::database::{Limits, Pool};
use crate::problem::Problem;
use attempts::Attempts;
use logins::Logins;
use sessions::Sessions;

pub use caller::{Caller, Peer};
pub use credentials::{cookie, session_id};
pub use sessions::COOKIE_SECONDS;

/// Time between two looks for what is idle.
const SWEEP: Duration = Duration::from_secs(30);
/// Time after which an idle connection is closed.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// Time after which it is closed while somebody waits for a connection.
const BRIEFLY_IDLE: Duration = Duration::from_secs(1);

/// The users who may ask, and those who have.
pub struct Access {
    logins: Logins,
    sessions: Sessions,
    attempts: Attempts,
    tokens: Vec<([u8; 32], Arc<Pool>)>,
    anonymous: Option<Arc<Pool>>,
    crowded: Arc<Notify>,
    /// Whether cookies may only travel encrypted.
    pub is_encrypted: bool,
    /// Whether a proxy says who asks.
    pub behind_proxy: bool,
}

impl Access {
    /// Prepares what the configuration allows; does not connect yet.
    pub fn new(config: &ServeConfig) -> Result<Self, Failure> {
        let limits = Limits {
            connections_per_user: config.connections_per_user,
            connections: Arc::new(Semaphore::new(config.connections)),
            crowded: Arc::default(),
            statement: Duration::from_secs(config.statement_seconds),
        };
        let pool = |connector: Connector| Arc::new(Pool::new(connector, limits.clone()));
        let database = config.database.as_ref().ok_or_else(|| Failure::usage("no database is named"))?;
        let mut tokens = Vec::new();
        for token in &config.tokens {
            tokens.push((digest_of(&token.sha256), pool(token.database.connector("serve")?)));
        }
        let anonymous =
            config.anonymous.as_ref().map(|anonymous| anonymous.database.connector("serve")).transpose()?;
        Ok(Self {
            logins: Logins::new(database.connector("serve")?, limits.clone())?,
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            tokens,
            anonymous: anonymous.map(pool),
            crowded: limits.crowded.clone(),
            is_encrypted: config.tls.is_some() || config.behind_proxy,
            behind_proxy: config.behind_proxy,
        })
    }

    /// Logs a user in for a while; returns the id of the session.
    pub async fn open_session(&self, peer: Peer, user: &str, password: &str) -> Result<String, Problem> {
        let pool = self.log_in(peer, user, password).await?;
        self.sessions.open(user, pool)
    }

    /// Ends a session.
    pub fn close_session(&self, id: &str) {
        self.sessions.close(id);
    }

    /// Whether the database answers; if not, why.
    pub async fn probe(&self) -> Result<(), String> {
        self.logins.probe().await
    }

    /// Closes what is idle, for ever.
    pub async fn sweep(&self) {
        loop {
            let idle = match timeout(SWEEP, self.crowded.notified()).await {
                Ok(()) => {
                    sleep(BRIEFLY_IDLE).await;
                    BRIEFLY_IDLE
                }
                Err(_) => IDLE,
            };
            self.logins.sweep(idle);
            self.sessions.sweep(idle);
            self.attempts.sweep();
            for pool in self.tokens.iter().map(|(_, pool)| pool).chain(&self.anonymous) {
                pool.close_idle(idle);
            }
        }
    }

    async fn log_in(&self, peer: Peer, user: &str, password: &str) -> Result<Arc<Pool>, Problem> {
        if let Some(pool) = self.logins.known(user, password) {
            return Ok(pool);
        }
        self.attempts.begin(peer.0)?;
        let outcome = self.logins.log_in(user, password).await;
        if matches!(&outcome, Err(problem) if problem.status() == 401) {
            self.attempts.failed(peer.0);
        }
        outcome
    }

    fn of_token(&self, peer: Peer, token: &str) -> Result<Arc<Pool>, Problem> {
        let digest = sha256(token.as_bytes());
        // All are compared, so that the time says nothing about them.
        let matching = self.tokens.iter().filter(|(known, _)| memcmp::eq(known, &digest));
        let found = matching.map(|(_, pool)| pool.clone()).fold(None, |_, pool| Some(pool));
        found.ok_or_else(|| match self.attempts.begin(peer.0) {
            Ok(()) => {
                self.attempts.failed(peer.0);
                Problem::unauthorized("the token is not known")
            }
            Err(problem) => problem,
        })
    }
}

/// Reads the digits of a digest, which are known to be hexadecimal.
fn digest_of(digits: &str) -> [u8; 32] {
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..digits.len()).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_default();
    }
    digest
}
