//! Delivers messages, in a thread of its own.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use tally_rows::config::NotifyFormat;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::Agent;

use super::message::{Message, Origin};

/// Timeout of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pauses before a message that was not taken is sent again.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// Messages that may wait: more than are told within hours.
const ROOM: usize = 64;

/// Called when a message is delivered, or given up.
pub type Done = Box<dyn FnOnce() + Send>;

/// The way to the webhook.
pub struct Delivery {
    queue: SyncSender<(Message, Done)>,
    /// Is closed when the thread has delivered everything.
    done: Receiver<()>,
}

impl Delivery {
    /// Begins the thread.
    pub fn begin(url: String, format: NotifyFormat, origin: Origin) -> Self {
        let (queue, queued) = mpsc::sync_channel(ROOM);
        let (working, done) = mpsc::sync_channel(0);
        thread::spawn(move || {
            let _working: SyncSender<()> = working;
            let webhook = Webhook::new(url);
            queued.iter().for_each(|(message, done): (Message, Done)| {
                webhook.deliver(&message.body(format, &origin).to_string());
                done();
            });
        });
        Self { queue, done }
    }

    /// Takes a message, unless too many wait already; then `done` is dropped.
    pub fn send(&self, message: Message, done: Done) {
        if self.queue.try_send((message, done)).is_err() {
            tracing::warn!("a notification was left out: the webhook takes none");
        }
    }

    /// Waits until everything is delivered, but not longer than a request may take.
    pub fn finish(self) {
        drop(self.queue);
        // It ends by an error either way: nothing is ever sent.
        let _ = self.done.recv_timeout(PATIENCE);
    }
}

struct Webhook {
    agent: Agent,
    /// Often a secret, which no log may show.
    url: String,
}

impl Webhook {
    fn new(url: String) -> Self {
        let tls =
            TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier);
        let agent = Agent::config_builder().timeout_global(Some(PATIENCE)).tls_config(tls.build()).build();
        Self { agent: agent.into(), url }
    }

    fn deliver(&self, body: &str) {
        for pause in PAUSES.iter().map(Some).chain([None]) {
            let Err(error) = self.post(body) else { return };
            let refused = matches!(error, ureq::Error::StatusCode(400..=407 | 409..=428 | 430..=499));
            let error = error.to_string().replace(&self.url, "the webhook");
            match pause {
                Some(pause) if !refused => {
                    tracing::debug!(error, "a notification was not taken and is sent again");
                    thread::sleep(*pause);
                }
                _ => return tracing::warn!(error, "a notification was not taken"),
            }
        }
    }

    fn post(&self, body: &str) -> Result<(), ureq::Error> {
        self.agent.post(&self.url).header("Content-Type", "application/json").send(body).map(|_| ())
    }
}
