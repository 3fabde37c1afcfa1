//! What an error that librdkafka reports means for the run; most of them it mends by itself.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::kafka::Message;
use crate::Failure;

/// Whether the run goes on.
pub fn judge(error: &KafkaError) -> Result<(), Failure> {
    use RDKafkaErrorCode::*;
    let (KafkaError::MessageConsumption(code) | KafkaError::MessageConsumptionFatal(code)) = error else {
        tracing::warn!(%error, "Kafka");
        return Ok(());
    };
    let failure = |mend: &str| Err(Failure::new(error).at("reading from Kafka").mend(mend));
    match code {
        // Of which partition is not said; starting again compares all positions with what the broker has.
        AutoOffsetReset | OffsetOutOfRange => Err(Failure::transient("the broker does not have a position")),
        UnknownTopic | UnknownTopicOrPartition | UnknownPartition => {
            failure("a topic was deleted; create it, or remove it")
        }
        TopicAuthorizationFailed | GroupAuthorizationFailed | SaslAuthenticationFailed => {
            failure("give the loader's Kafka user the right to read")
        }
        // Another member has the name of this one, or the group has forgotten it.
        FencedInstanceId => failure("give each loader a `group.instance.id` of its own"),
        _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => failure("restart the loader"),
        PollExceeded => {
            tracing::warn!(%error, "the group has given the partitions to others");
            Ok(())
        }
        _ => {
            tracing::warn!(%error, "Kafka is in trouble; the client goes on trying");
            Ok(())
        }
    }
}

/// Whether an error says that a batch of compressed messages cannot be unpacked, mostly because that would be too large.
pub fn is_too_large(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumption(RDKafkaErrorCode::BadCompression))
}

/// What to say of such a batch: librdkafka goes on asking for it, and nothing behind it is ever read.
pub fn too_large(message: &Message) -> Failure {
    Failure::new(message.complaint())
        .at(format!("topic {:?} partition {}", message.topic(), message.partition()))
        .mend(
            "raise \"receive.message.max.bytes\" in [kafka] above what the batch has unpacked, or move the job's position \
             in loader.offsets past it",
        )
}
