//! Failed attempts to log in: after a few from one address, the next must wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::problem::Problem;

/// Failures that are free within a time.
const FREE: u32 = 5;
/// Time after which a failure is forgotten.
const MEMORY: Duration = Duration::from_secs(60);
/// Addresses that are remembered; when there are more, the next failures come from everywhere, and all must wait.
const ADDRESSES: usize = 10_000;

/// The failures of each address since its first.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Attempts {
    /// Refuses an attempt that comes too early.
    pub fn begin(&self, address: IpAddr) -> Result<(), Problem> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_refused = match failures.get(&address) {
            Some((first, count)) => *count >= FREE && first.elapsed() < MEMORY,
            None => failures.len() >= ADDRESSES,
        };
        if is_refused {
            let title = "too many failed logins from this address";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, title)
                .hint("Wait a minute.")
                .retry_after(MEMORY.as_secs() as u32));
        }
        Ok(())
    }

    /// Remembers a failure.
    pub fn failed(&self, address: IpAddr) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = failures.entry(address).or_insert_with(|| (Instant::now(), 0));
        if entry.0.elapsed() >= MEMORY {
            *entry = (Instant::now(), 0);
        }
        entry.1 += 1;
    }

    /// Forgets what is long ago.
    pub fn sweep(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, (first, _)| first.elapsed() < MEMORY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_block_another() {
        let attempts = Attempts::default();
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        for _ in 0..FREE {
            assert!(attempts.begin(one).is_ok());
            attempts.failed(one);
        }
        assert!(attempts.begin(one).is_err());
        assert!(attempts.begin(other).is_ok());
    }
}
