//! Notifications to systemd, if it asks for them: for a unit with `Type=notify`, perhaps with `WatchdogSec`.

use sd_notify::{notify, NotifyState};

/// Sends a notification; a failure is ignored.
fn tell(states: &[NotifyState]) {
    if let Err(error) = notify(states) {
        tracing::debug!(%error, "systemd does not listen");
    }
}

/// Notifies that the program does what it is for.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Notifies that the program is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Notifies that the program is alive; `systemctl status` shows `status`.
pub fn beat(status: &str) {
    tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}
