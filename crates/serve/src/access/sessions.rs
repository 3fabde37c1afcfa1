//! Sessions of the page: after a login, a cookie stands for the user for some hours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::prelude::{Engine, BASE64_URL_SAFE_NO_PAD};
use openssl::rand::rand_bytes;
use openssl::sha::sha256;

use crate::database::Pool;
use crate::problem::Problem;

/// The life of a session in seconds.
pub const COOKIE_SECONDS: u64 = 8 * 3600;
/// Sessions at a time.
const SESSIONS: usize = 10_000;

/// The open sessions by the digest of their id: nobody who sees these can use them.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Login>>);

/// A user who has logged in.
#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub pool: Arc<Pool>,
    until: Instant,
}

impl Sessions {
    /// Opens a session and returns its id.
    pub fn open(&self, user: &str, pool: Arc<Pool>) -> Result<String, Problem> {
        let mut bytes = [0; 32];
        rand_bytes(&mut bytes)
            .map_err(|error| Problem::busy("there is no randomness").detail(error.to_string()))?;
        let id = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS {
            return Err(Problem::busy("too many sessions").hint("Try again later."));
        }
        let until = Instant::now() + Duration::from_secs(COOKIE_SECONDS);
        sessions.insert(sha256(id.as_bytes()), Login { user: user.into(), pool, until });
        Ok(id)
    }

    /// Returns the login of a session that is open.
    pub fn find(&self, id: &str) -> Option<Login> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&sha256(id.as_bytes())).filter(|login| login.until > Instant::now()).cloned()
    }

    /// Ends a session.
    pub fn close(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&sha256(id.as_bytes()));
    }

    /// Ends sessions that are over, and closes idle connections of the others.
    pub fn sweep(&self, idle: Duration) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, login| login.until > Instant::now());
        for login in sessions.values() {
            login.pool.close_idle(idle);
        }
    }
}
