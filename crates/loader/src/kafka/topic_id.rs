//! Topic ids, which distinguish a topic from one of the same name that was created after it was deleted; the `rdkafka`
//! crate does not expose them.

use std::collections::HashMap;
use std::ffi::CString;
use std::fmt;
use std::ptr;
use std::slice;
use std::str::FromStr;
use std::time::Duration;

use base64::prelude::{Engine, BASE64_URL_SAFE_NO_PAD};
use rdkafka::bindings as native;
use rdkafka::consumer::Consumer;
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

use super::native_queue::NativeQueue;
use super::native_text::NativeText;
use super::JobConsumer;

/// Time that the broker may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The id of a topic, which the broker assigned when the topic was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicId(u128);

impl fmt::Display for TopicId {
    /// The id as Kafka's own tools show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }
}

impl FromStr for TopicId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(drop)?;
        Ok(Self(u128::from_be_bytes(bytes.try_into().map_err(drop)?)))
    }
}

/// Returns the id of a topic; none if the broker has no ids, as before Kafka 2.8, or does not answer.
pub fn topic_id(consumer: &JobConsumer, topic: &str) -> Option<TopicId> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).ok()?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let leader = partitions.map(|partition| partition.leader()).find(|leader| *leader >= 0)?;
    Question::to(Some(leader), consumer, [topic]).answer(TIMEOUT)?.remove(topic)
}

/// A pending request for the ids of topics.
pub struct Question {
    answers: NativeQueue,
}

impl Question {
    /// Asks the cluster; the consumer must outlive the question.
    pub fn new<'t>(consumer: &JobConsumer, topics: impl IntoIterator<Item = &'t str>) -> Self {
        Self::to(None, consumer, topics)
    }

    /// Asks a broker, or the controller of the cluster.
    fn to<'t>(
        broker: Option<i32>,
        consumer: &JobConsumer,
        topics: impl IntoIterator<Item = &'t str>,
    ) -> Self {
        let client = consumer.client().native_ptr();
        let names: Vec<CString> = topics
            .into_iter()
            .map(|topic| CString::new(topic).expect("Kafka's names have no zero bytes"))
            .collect();
        let answers = NativeQueue::new(consumer);
        let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: the client lives as long as the consumer; librdkafka copies the names and the options, and what was
        // made here is destroyed once.
        unsafe {
            let collection =
                native::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            let options = native::rd_kafka_AdminOptions_new(
                client,
                native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            );
            let timeout = TIMEOUT.as_millis() as i32;
            native::rd_kafka_AdminOptions_set_request_timeout(options, timeout, ptr::null_mut(), 0);
            if let Some(broker) = broker {
                native::rd_kafka_AdminOptions_set_broker(options, broker, ptr::null_mut(), 0);
            }
            native::rd_kafka_DescribeTopics(client, collection, options, answers.pointer());
            native::rd_kafka_AdminOptions_destroy(options);
            native::rd_kafka_TopicCollection_destroy(collection);
        }
        Self { answers }
    }

    /// Returns the ids by topic, if the answer is there or comes in time. Topics whose ids the broker does not tell are
    /// missing.
    pub fn answer(&self, wait: Duration) -> Option<HashMap<String, TopicId>> {
        // SAFETY: the queue lives until this is dropped, the event until it is destroyed below, and all that is read
        // belongs to the event.
        unsafe {
            let event = native::rd_kafka_queue_poll(self.answers.pointer(), wait.as_millis() as i32);
            if event.is_null() {
                return None;
            }
            let mut ids = HashMap::new();
            let result = native::rd_kafka_event_DescribeTopics_result(event);
            if !result.is_null() {
                let mut count = 0;
                let topics = native::rd_kafka_DescribeTopics_result_topics(result, &mut count);
                if !topics.is_null() {
                    let topics: &[Option<&native::rd_kafka_TopicDescription_t>] =
                        slice::from_raw_parts(topics.cast(), count);
                    ids.extend(topics.iter().flatten().filter_map(|topic| named_id(topic)));
                }
            }
            native::rd_kafka_event_destroy(event);
            Some(ids)
        }
    }
}

// librdkafka defines these functions with these arguments; what they return belongs to the description.
unsafe extern "C" {
    safe fn rd_kafka_TopicDescription_error(
        topic: &native::rd_kafka_TopicDescription_t,
    ) -> Option<&native::rd_kafka_error_t>;
    safe fn rd_kafka_error_code(error: &native::rd_kafka_error_t) -> native::rd_kafka_resp_err_t;
    safe fn rd_kafka_TopicDescription_name(topic: &native::rd_kafka_TopicDescription_t) -> NativeText<'_>;
    safe fn rd_kafka_TopicDescription_topic_id(
        topic: &native::rd_kafka_TopicDescription_t,
    ) -> &native::rd_kafka_Uuid_t;
    safe fn rd_kafka_Uuid_most_significant_bits(id: &native::rd_kafka_Uuid_t) -> i64;
    safe fn rd_kafka_Uuid_least_significant_bits(id: &native::rd_kafka_Uuid_t) -> i64;
}

/// The name and the id of a topic that was described.
fn named_id(topic: &native::rd_kafka_TopicDescription_t) -> Option<(String, TopicId)> {
    let error = rd_kafka_TopicDescription_error(topic).map(|error| rd_kafka_error_code(error));
    if error.is_some_and(|error| error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return None;
    }
    let name = rd_kafka_TopicDescription_name(topic).get().to_string_lossy().into_owned();
    let id = rd_kafka_TopicDescription_topic_id(topic);
    let half = |bits: i64| u128::from(bits as u64);
    let id =
        half(rd_kafka_Uuid_most_significant_bits(id)) << 64 | half(rd_kafka_Uuid_least_significant_bits(id));
    (id != 0).then_some((name, TopicId(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_kafka_does() {
        let id: TopicId = "cGdfdGFsbHkgdGVzdHMuIQ".parse().unwrap();
        assert_eq!(id.to_string(), "cGdfdGFsbHkgdGVzdHMuIQ");
        assert!("x".parse::<TopicId>().is_err());
    }
}
