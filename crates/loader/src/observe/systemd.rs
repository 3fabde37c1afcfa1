//! Notifications of systemd, if it asks for them: a unit with `Type=notify`, perhaps with `WatchdogSec`.

use sd_notify::{notify, NotifyState};

/// Sends a notification; a failure is ignored.
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
