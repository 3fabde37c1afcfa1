//! What systemd is told, if it asked: a unit with `Type=notify`, perhaps with `WatchdogSec`.

use sd_notify::{notify, NotifyState};

/// Tells; what cannot be told is nothing to stop for.
fn tell(states: &[NotifyState]) {
    if let Err(error) = notify(states) {
        tracing::debug!(%error, "systemd does not listen");
    }
}

/// Loading has begun.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Loading is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The loader lives; `status` is what `systemctl status` shows.
pub fn beat(status: &str) {
    tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}
