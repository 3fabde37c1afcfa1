//! Logins by name and password, which PostgreSQL itself checks.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use base64::prelude::{Engine, BASE64_STANDARD};
use deadpool::managed::PoolError;
use openssl::rand::rand_bytes;
use openssl::sha::Sha256;
use tally_postgres::{Connector, Failure};
use tokio::sync::Semaphore;
use tokio_postgres::error::SqlState;
use tokio_postgres::Error;

use crate::database::{Limits, Pool};
use crate::problem::Problem;

/// Logins that are tried at the same time.
const AT_ONCE: usize = 4;
/// Time for which the pool of a login is kept after its last use.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// A login that PostgreSQL has accepted.
struct KnownLogin {
    pool: Arc<Pool>,
    used: Instant,
}

/// Users who are logged in, by the digest of name and password: a name with another password is another login.
pub struct Logins {
    connector: Connector,
    limits: Limits,
    salt: [u8; 32],
    known: Mutex<HashMap<[u8; 32], KnownLogin>>,
    /// Users whose password the server does check.
    checked: Mutex<HashSet<String>>,
    at_once: Semaphore,
}

impl Logins {
    /// Creates an empty set; `connector` leads to the database.
    pub fn new(connector: Connector, limits: Limits) -> Result<Self, Failure> {
        let mut salt = [0; 32];
        rand_bytes(&mut salt).map_err(Failure::new)?;
        let (known, checked) = (Mutex::default(), Mutex::default());
        Ok(Self { connector, limits, salt, known, checked, at_once: Semaphore::new(AT_ONCE) })
    }

    /// Returns the pool of a user who has logged in with this password before.
    pub fn known(&self, user: &str, password: &str) -> Option<Arc<Pool>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let login = known.get_mut(&self.digest(user, password))?;
        login.used = Instant::now();
        Some(login.pool.clone())
    }

    /// Logs a user in.
    pub async fn log_in(&self, user: &str, password: &str) -> Result<Arc<Pool>, Problem> {
        let _turn = self.at_once.acquire().await.map_err(|error| Problem::busy(error.to_string()))?;
        if let Some(pool) = self.known(user, password) {
            return Ok(pool);
        }
        if user.is_empty() || password.is_empty() || user.contains('\0') || password.contains('\0') {
            return Err(refused());
        }
        let pool = Arc::new(Pool::new(self.connector.of_user(user, password), self.limits.clone()));
        match pool.connection().await {
            Ok(_) => {}
            Err(PoolError::Backend(error)) => return Err(of_login(user, &error)),
            Err(other) => return Err(other.into()),
        }
        self.require_password(user).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(self.digest(user, password), KnownLogin { pool: pool.clone(), used: Instant::now() });
        tracing::info!(user, "logged in");
        Ok(pool)
    }

    /// Refuses users whose password the server does not ask for: under `trust` anybody could be anybody.
    async fn require_password(&self, user: &str) -> Result<(), Problem> {
        if self.checked.lock().unwrap_or_else(PoisonError::into_inner).contains(user) {
            return Ok(());
        }
        let mut wrong = [0; 32];
        rand_bytes(&mut wrong).map_err(|error| Problem::busy(error.to_string()))?;
        if self.connector.of_user(user, &BASE64_STANDARD.encode(wrong)).connect().await.is_ok() {
            tracing::warn!(user, "the server lets this user in with any password");
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "the database does not check this user's password",
            )
            .hint("Let pg_hba.conf ask for scram-sha-256 where the service connects from."));
        }
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(user.into());
        Ok(())
    }

    /// Whether the database answers at all; a refusal is an answer.
    pub async fn probe(&self) -> Result<(), String> {
        match self.connector.connect().await {
            Err(error) if error.as_db_error().is_none_or(|error| error.code().code().starts_with("57")) => {
                let text = tally_postgres::explain(&error);
                // Where it asks for the password that only users have, it is there.
                if text.ends_with("password missing") {
                    Ok(())
                } else {
                    Err(text)
                }
            }
            _ => Ok(()),
        }
    }

    /// Forgets logins that were not used for some time, and closes idle connections of the others.
    pub fn sweep(&self, idle: Duration) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, KnownLogin { pool, used }| {
            pool.close_idle(idle) || used.elapsed() < KEPT || Arc::strong_count(pool) > 1
        });
    }

    fn digest(&self, user: &str, password: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(&self.salt);
        hash.update(&user.len().to_le_bytes());
        hash.update(user.as_bytes());
        hash.update(password.as_bytes());
        hash.finish()
    }
}

/// Returns the problem of a login; what is wrong of name and password is not said.
fn of_login(user: &str, error: &Error) -> Problem {
    match error.code() {
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            tracing::info!(user, "login refused");
            refused()
        }
        _ => error.into(),
    }
}

fn refused() -> Problem {
    Problem::unauthorized("user or password is wrong")
}
