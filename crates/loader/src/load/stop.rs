//! The wish to stop: SIGINT or SIGTERM.

use tokio::signal::unix::{signal, SignalKind};
use tokio::sync::watch;

use crate::failure::Failure;
use crate::observe;

/// Shared by everything that has to end when a signal arrives.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Begins to listen; a second signal ends the process at once, which loses nothing either.
    pub fn on_signals() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::new(e).at("listening for signals"));
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let (wish, stop) = watch::channel(false);
        tokio::spawn(async move {
            for first in [true, false] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if first {
                    tracing::info!("stopping");
                    observe::stopping();
                    wish.send_replace(true);
                }
            }
            std::process::exit(1);
        });
        Ok(Self(stop))
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until stopping is asked for.
    pub async fn requested(&mut self) {
        if self.0.wait_for(|wish| *wish).await.is_err() {
            std::future::pending().await
        }
    }
}
