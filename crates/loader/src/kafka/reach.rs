//! Explains why a broker does not answer, in one line with a hint.
//!
//! When a connection fails, librdkafka's calls return only a timeout; the reason goes to its error callback.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tally_postgres::Failure;
use tally_rows::config::Config;

use super::JobConsumer;

/// Time that a request waits for its answer, from one attempt to the next: a reason to give up may come early, and a
/// broker that is far away may be slow.
const PATIENCE: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(7)];
/// Time that the callbacks may take to arrive.
const CALLBACKS: Duration = Duration::from_millis(50);

/// Waits until a broker answers.
pub fn reach(consumer: &JobConsumer, config: &Config) -> Result<(), Failure> {
    // The metadata of one topic are less than those of all; a pattern cannot be asked for.
    let topic = config.topics.iter().map(|topic| topic.name.as_str()).find(|_| !config.has_patterns());
    let mut failure = Failure::new("cannot be reached");
    for patience in PATIENCE {
        let error = match consumer.fetch_metadata(topic, patience) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        while consumer.poll(CALLBACKS).is_some() {}
        let complaint = consumer.context().complaint();
        let hopeless = complaint.as_ref().is_some_and(BrokerComplaint::is_hopeless);
        failure = match complaint {
            Some(complaint) => complaint.into_failure().at(place(config)),
            None => unanswered(config, &error),
        };
        if hopeless {
            break;
        }
    }
    Err(failure)
}

/// The failure for a request that no broker answers.
pub fn unanswered(config: &Config, error: &KafkaError) -> Failure {
    Failure::new(format!("cannot be reached: {error}")).at(place(config)).mend(SERVERS)
}

fn place(config: &Config) -> String {
    format!("broker {}", config.brokers)
}

const SERVERS: &str = "check `brokers` in the configuration, and that the broker is running";

/// The reason that librdkafka reported for a failed connection.
#[derive(Debug, Clone)]
pub struct BrokerComplaint {
    code: Option<RDKafkaErrorCode>,
    reason: String,
}

impl BrokerComplaint {
    /// Reads the arguments of the error callback; returns nothing if they say no more than that all brokers are down.
    pub fn new(error: &KafkaError, reason: &str) -> Option<Self> {
        let code = error.rdkafka_error_code();
        (code != Some(RDKafkaErrorCode::AllBrokersDown))
            .then(|| Self { code, reason: without_timing(reason).to_string() })
    }

    /// Reads the log line of a connection, `[thrd:name]: broker: reason`.
    pub fn of_log(facility: &str, message: &str) -> Option<Self> {
        let reason = message.split_once("]: ").map_or(message, |(_, reason)| reason);
        (facility == "FAIL").then(|| Self { code: None, reason: without_timing(reason).to_string() })
    }

    /// Whether trying again is useless before somebody removes the cause.
    fn is_hopeless(&self) -> bool {
        use RDKafkaErrorCode::{Authentication, SSL};
        matches!(self.code, Some(Authentication | SSL))
    }

    fn into_failure(self) -> Failure {
        use RDKafkaErrorCode::{Authentication, Resolve, SSL};
        let Self { code, reason } = self;
        let mend = match code {
            Some(Authentication) => "check sasl.mechanism, sasl.username and sasl.password in [kafka]",
            Some(SSL) => "check security.protocol and the ssl. properties in [kafka]",
            Some(Resolve) => "check the host names in `brokers`",
            // The answer of a broker that expects another security protocol.
            _ if ["Disconnected", "SASL", "SSL"].iter().any(|sign| reason.contains(sign)) => {
                "set security.protocol in [kafka] as the broker has it: plaintext, ssl, sasl_plaintext or sasl_ssl"
            }
            _ => SERVERS,
        };
        Failure::new(format!("cannot be reached: {reason}")).mend(mend)
    }
}

/// Cuts off the end of most of librdkafka's reasons: `(after 3ms in state CONNECT, 2 identical error(s) suppressed)`.
fn without_timing(reason: &str) -> &str {
    reason.rsplit_once(" (after ").map_or(reason, |(reason, _)| reason)
}
