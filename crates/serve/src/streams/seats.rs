//! Seats: a user has some streams at a time, each for as long as its session lasts and the service runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use tally_program::Stop;

use crate::access::{Access, Caller};
use crate::database::Pool;
use crate::problem::Problem;

/// The seats of all users.
pub struct Seats {
    /// Streams of each user, by the address of the user's pool.
    taken: Mutex<HashMap<usize, usize>>,
    per_user: usize,
    access: Arc<Access>,
    stop: Stop,
}

impl Seats {
    /// Creates this number of seats for each user.
    pub fn new(per_user: usize, access: Arc<Access>, stop: Stop) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), per_user, access, stop })
    }

    /// Takes a seat for a caller, if the user has one left.
    pub fn take(self: &Arc<Self>, caller: Caller) -> Result<Seat, Problem> {
        let user = Arc::as_ptr(&caller.pool) as usize;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(user).or_default();
        if *count >= self.per_user {
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many streams")
                .hint("End some of them.")
                .retry_after(10));
        }
        *count += 1;
        Ok(Seat { seats: self.clone(), caller, stop: self.stop.clone() })
    }
}

/// A seat of a user.
pub struct Seat {
    seats: Arc<Seats>,
    caller: Caller,
    stop: Stop,
}

impl Seat {
    /// The user's connections.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.caller.pool
    }

    /// Returns the reason why the stream has to end, if it has to.
    pub fn refusal(&self) -> Option<Problem> {
        if self.stop.is_requested() {
            return Some(Problem::busy("the service stops"));
        }
        let is_over = !self.caller.is_logged_in(&self.seats.access);
        is_over.then(|| Problem::unauthorized("the session is over"))
    }

    /// Waits until the service is to stop.
    pub async fn stopping(&mut self) {
        self.stop.requested().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let user = Arc::as_ptr(&self.caller.pool) as usize;
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&user);
            }
        }
    }
}
