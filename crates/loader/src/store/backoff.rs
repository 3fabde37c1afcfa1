//! Exponential backoff with jitter.

use std::time::Duration;

use tally_program::Stop;

use crate::exit::Exit;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// The pauses between the attempts at one operation.
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// Returns the length of the next pause: between a half and the whole of a time that doubles.
    pub fn length(&mut self) -> Duration {
        let length = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(LONGEST);
        length
    }

    /// Waits for the length of the next pause, unless the run is told to stop.
    pub async fn pause(&mut self, stop: &mut Stop) -> Result<(), Exit> {
        tokio::select! {
            () = stop.requested() => Err(Exit::Stopped),
            () = tokio::time::sleep(self.length()) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_a_bound() {
        let mut backoff = Backoff::default();
        let lengths: Vec<Duration> = (0..20).map(|_| backoff.length()).collect();
        assert!(lengths[0] >= FIRST / 2 && lengths[0] <= FIRST);
        assert!(lengths[10..].iter().all(|length| *length >= LONGEST / 2 && *length <= LONGEST));
    }
}
