//! Judges errors of librdkafka by what they mean for the run; the client recovers from most of them by itself.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tally_postgres::Failure;

use super::{JobConsumer, Message};

/// Fails if an error ends the session or the run.
pub fn judge(error: &KafkaError) -> Result<(), Failure> {
    use RDKafkaErrorCode::*;
    let (KafkaError::MessageConsumption(code) | KafkaError::MessageConsumptionFatal(code)) = error else {
        tracing::warn!(%error, "Kafka");
        return Ok(());
    };
    let failure = |mend: &str| Err(Failure::new(error).at("reading from Kafka").mend(mend));
    match code {
        // The error names no partition; a new session compares all positions with what the broker has.
        AutoOffsetReset | OffsetOutOfRange => Err(Failure::transient("the broker does not have a position")),
        UnknownTopic | UnknownTopicOrPartition | UnknownPartition => {
            failure("a topic was deleted; create it, or remove it")
        }
        TopicAuthorizationFailed | GroupAuthorizationFailed | SaslAuthenticationFailed => {
            failure("give the loader's Kafka user the right to read")
        }
        // Another member uses the name of this one, or the group has forgotten this one.
        FencedInstanceId => failure("give each loader a `group.instance.id` of its own"),
        _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => failure("restart the loader"),
        PollExceeded => {
            tracing::warn!(%error, "the group has assigned the partitions to others");
            Ok(())
        }
        _ => {
            tracing::warn!(%error, "Kafka is in trouble; the client goes on trying");
            Ok(())
        }
    }
}

/// Serves events of a consumer that are no messages.
pub fn serve_events(consumer: &JobConsumer) -> Result<(), Failure> {
    match consumer.poll(Duration::ZERO) {
        None | Some(Err(KafkaError::PartitionEOF(_))) => Ok(()),
        Some(Err(error)) => judge(&error),
        // A message that has bypassed the queue would be lost.
        Some(Ok(_)) => Err(Failure::transient("a message bypassed the queue")),
    }
}

/// Whether a batch of compressed messages could not be decompressed, usually because the result would be too large.
pub fn is_too_large(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumption(RDKafkaErrorCode::BadCompression))
}

/// The failure for a batch that is too large to decompress: librdkafka requests it for ever, and never gets past it.
pub fn too_large(message: &Message) -> Failure {
    Failure::new(message.complaint())
        .at(format!("topic {:?} partition {}", message.topic(), message.partition()))
        .mend(
            "raise \"receive.message.max.bytes\" in [kafka] above the decompressed size of the batch, or move the \
             job's position in loader.offsets past it",
        )
}
