//! A producer of one topic that knows how many messages have arrived.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Message as _};
use tally_postgres::Failure;

use super::stream::Message;

/// Time that a broker may take to answer before it counts as unreachable.
const ANSWER: Duration = Duration::from_secs(10);
/// Time that a message may take to arrive, including a restart of its broker.
const DELIVERY: Duration = Duration::from_secs(60);

/// A producer of one topic.
pub struct TopicProducer {
    producer: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
    brokers: String,
    topic: String,
}

/// The outcome of the messages that were handed over.
#[derive(Clone, Default)]
struct Deliveries(Arc<Mutex<Delivered>>);

#[derive(Default)]
struct Delivered {
    ends: Vec<i64>,
    count: u64,
    error: Option<KafkaError>,
}

impl ClientContext for Deliveries {
    // Final failures are reported with the messages; attempts in between are left to the library.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "producer");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut delivered = self.0.lock().expect("no panic while counting");
        match result {
            Ok(message) => {
                let partition =
                    usize::try_from(message.partition()).expect("a delivered message has its place");
                if delivered.ends.len() <= partition {
                    delivered.ends.resize(partition + 1, 0);
                }
                delivered.ends[partition] = message.offset() + 1;
                delivered.count += 1;
            }
            Err((error, _)) => delivered.error = Some(error.clone()),
        }
    }
}

impl TopicProducer {
    /// Connects to the brokers, and creates the topic if it is missing.
    pub fn connect(brokers: &str, topic: &str, partitions: Option<i32>) -> Result<Self, Failure> {
        let deliveries = Deliveries::default();
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            // Retries neither repeat nor reorder.
            .set("enable.idempotence", "true")
            // Chooses partitions as Java producers do.
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "10")
            .set("queue.buffering.max.messages", "10000")
            .set("message.timeout.ms", DELIVERY.as_millis().to_string());
        let producer = config
            .create_with_context(deliveries.clone())
            .map_err(|error| Failure::usage(error).at(format!("broker {brokers}")))?;
        let producer = Self { producer, deliveries, brokers: brokers.into(), topic: topic.into() };
        match (producer.partitions()?, partitions) {
            (None, wanted) => producer.create(&config, wanted)?,
            (Some(there), Some(wanted)) if there != wanted => {
                return Err(producer
                    .failure(format!("the topic has {there} partitions, not {wanted}"))
                    .mend("leave out --partitions, name another topic, or delete this one first"));
            }
            _ => {}
        }
        Ok(producer)
    }

    /// Returns the number of partitions of the topic, if there is one.
    fn partitions(&self) -> Result<Option<i32>, Failure> {
        // Asks for all topics: asking for one by name would create it with the broker's defaults.
        let metadata = self.producer.client().fetch_metadata(None, ANSWER).map_err(|error| {
            Failure::new(error)
                .at(format!("broker {}", self.brokers))
                .mend("check --brokers, and that the broker is running")
        })?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.topic);
        Ok(topic.map(|topic| topic.partitions().len() as i32))
    }

    fn create(&self, config: &ClientConfig, partitions: Option<i32>) -> Result<(), Failure> {
        let admin: AdminClient<DefaultClientContext> =
            config.create().map_err(|error| self.failure(error))?;
        let topic = NewTopic::new(&self.topic, partitions.unwrap_or(-1), TopicReplication::Fixed(-1));
        let options = AdminOptions::new().operation_timeout(Some(ANSWER));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without I/O");
        let outcome = runtime.block_on(admin.create_topics([&topic], &options));
        let refused = |error: &dyn std::fmt::Display| {
            self.failure(format!("cannot create the topic: {error}"))
                .mend("create it by other means, then run this command again")
        };
        match outcome.map_err(|error| refused(&error))?.first() {
            Some(Err((_, error))) if *error != RDKafkaErrorCode::TopicAlreadyExists => Err(refused(error)),
            _ => Ok(()),
        }
    }

    /// Hands a message over, waiting while the queue is full.
    pub fn send(&self, message: &Message) -> Result<(), Failure> {
        let mut record = BaseRecord::to(&self.topic).key(&message.key);
        if let Some(body) = &message.body {
            record = record.payload(body);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    self.check()?;
                    record = again;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(self.failure(error)),
            }
        }
    }

    /// Waits until every message has arrived; returns how many did since the start.
    pub fn flush(&self) -> Result<u64, Failure> {
        self.producer.flush(DELIVERY * 2).map_err(|error| self.failure(error))?;
        self.check()?;
        Ok(self.delivered().count)
    }

    /// The offset after the last delivered message, by partition.
    pub fn ends(&self) -> Vec<i64> {
        self.delivered().ends.clone()
    }

    fn check(&self) -> Result<(), Failure> {
        match &self.delivered().error {
            Some(error) => Err(self
                .failure(format!("a message could not be delivered: {error}"))
                .mend("check that the broker is running, then start again with an empty topic")),
            None => Ok(()),
        }
    }

    fn delivered(&self) -> std::sync::MutexGuard<'_, Delivered> {
        self.deliveries.0.lock().expect("no panic while counting")
    }

    fn failure(&self, what: impl std::fmt::Display) -> Failure {
        Failure::new(what).at(format!("topic {} on {}", self.topic, self.brokers))
    }
}
