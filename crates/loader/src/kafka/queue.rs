//! Fetches messages from librdkafka by the hundred. The `rdkafka` crate returns each as an event of its own, with an
//! allocation, locks and calls of the clock, which cost a seventh of the loader's time; it does not expose librdkafka's
//! way to return many.
//!
//! Only messages take this path. All other events, such as rebalances, stay in the consumer's own queue.

use std::collections::VecDeque;
use std::ffi::{c_void, CStr};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::error::{IsError, KafkaError};
use tally_rows::decode::{headers, Record};
use tally_rows::raw::Clock;

use super::native_queue::NativeQueue;
use super::native_text::NativeText;
use super::prefetch::{MeanOverhead, Prefetch};
use super::JobConsumer;

/// Number of messages that are taken at once: enough to be cheap, and few enough to stay in the processor's cache.
const MOST: usize = 256;

/// The queue of a consumer's messages.
pub struct Queue<'c> {
    consumer: &'c JobConsumer,
    /// Dropped before the queue that they were taken from.
    taken: VecDeque<Message<'c>>,
    queue: NativeQueue,
    prefetch: Prefetch,
    overhead: MeanOverhead,
}

/// A message, or an error of a partition.
pub struct Message<'c> {
    message: NonNull<native::rd_kafka_message_t>,
    consumer: PhantomData<&'c JobConsumer>,
}

/// The fields of a message, and what they point to.
struct MessageContents<'m> {
    fields: &'m native::rd_kafka_message_t,
    topic: Option<&'m native::rd_kafka_topic_t>,
    key: Option<&'m [u8]>,
    value: Option<&'m [u8]>,
}

// librdkafka defines these functions with these arguments; the kind of a timestamp may be left out.
unsafe extern "C" {
    safe fn rd_kafka_message_errstr(message: &native::rd_kafka_message_t) -> NativeText<'_>;
    safe fn rd_kafka_message_timestamp(
        message: &native::rd_kafka_message_t,
        kind: Option<&mut native::rd_kafka_timestamp_type_t>,
    ) -> i64;
    safe fn rd_kafka_topic_name(topic: &native::rd_kafka_topic_t) -> NativeText<'_>;
}

impl<'c> Queue<'c> {
    /// An empty queue.
    pub fn new(consumer: &'c JobConsumer, prefetch: Prefetch) -> Self {
        let queue = NativeQueue::new(consumer);
        let taken = VecDeque::with_capacity(MOST);
        Self { consumer, taken, queue, prefetch, overhead: MeanOverhead::default() }
    }

    /// Redirects the messages of a partition to this queue. Must be called before the partition is assigned, or they
    /// would come out of order.
    pub fn lead(&self, topic: &str, partition: i32) {
        NativeQueue::of_partition(self.consumer, topic, partition).forward(&self.queue);
    }

    /// Returns the next message, if there is one or one comes in time.
    pub fn poll(&mut self, wait: Duration) -> Option<Message<'c>> {
        if self.taken.is_empty() {
            self.take_messages(wait);
        }
        self.taken.pop_front()
    }

    /// Notes the size of a message's key and headers.
    pub fn note(&mut self, record: &Record<'_>) {
        self.overhead.note(record.size() - record.value.map_or(0, <[u8]>::len));
    }

    /// Returns whether the messages that wait take too much memory; the next consumer with this limit fetches fewer
    /// ahead.
    pub fn lower_prefetch(&self) -> bool {
        self.prefetch.lower(self.queue.len(), &self.overhead)
    }

    /// Whether all messages that were fetched have been returned.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    fn take_messages(&mut self, wait: Duration) {
        let mut messages = [ptr::null_mut(); MOST];
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue lives, and there is room for as many messages as are asked for.
        let count = unsafe {
            native::rd_kafka_consume_batch_queue(self.queue.pointer(), wait, messages.as_mut_ptr(), MOST)
        };
        let count = usize::try_from(count).unwrap_or(0);
        let messages = messages[..count].iter().filter_map(|message| NonNull::new(*message));
        self.taken.extend(messages.map(|message| Message { message, consumer: PhantomData }));
    }
}

impl Message<'_> {
    /// The fields of the message, and what they point to.
    #[inline]
    fn contents(&self) -> MessageContents<'_> {
        // SAFETY: librdkafka does not change a message before its owner destroys it. The pointers in it are null, or lead to the topic and
        // to as many bytes as it says, which live as long.
        unsafe {
            let fields = self.message.as_ref();
            let bytes = |first: *const c_void, count| ptr::slice_from_raw_parts(first.cast(), count).as_ref();
            MessageContents {
                fields,
                topic: fields.rkt.as_ref(),
                key: bytes(fields.key, fields.key_len),
                value: bytes(fields.payload, fields.len),
            }
        }
    }

    /// The error that was delivered in place of a message.
    pub fn error(&self) -> Option<KafkaError> {
        let error = self.contents().fields.err;
        match error {
            native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                Some(KafkaError::PartitionEOF(self.partition()))
            }
            _ if error.is_error() => Some(KafkaError::MessageConsumption(error.into())),
            _ => None,
        }
    }

    /// Description of the error by librdkafka.
    pub fn complaint(&self) -> String {
        rd_kafka_message_errstr(self.contents().fields).get().to_string_lossy().into_owned()
    }

    /// Name of the topic.
    pub fn topic(&self) -> &str {
        let topic = self.contents().topic.expect("messages have a topic");
        rd_kafka_topic_name(topic).get().to_str().expect("Kafka allows only ASCII in the names of topics")
    }

    /// Number of the partition.
    pub fn partition(&self) -> i32 {
        self.contents().fields.partition
    }

    /// Offset in the partition.
    pub fn offset(&self) -> i64 {
        self.contents().fields.offset
    }

    /// Timestamp of the message, milliseconds since 1970.
    pub fn timestamp(&self) -> Option<i64> {
        let timestamp = rd_kafka_message_timestamp(self.contents().fields, None);
        (timestamp != -1).then_some(timestamp)
    }

    /// The clock that the timestamp is of.
    pub fn clock(&self) -> Clock {
        let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        rd_kafka_message_timestamp(self.contents().fields, Some(&mut kind));
        match kind {
            native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Clock::Broker,
            _ => Clock::Producer,
        }
    }

    /// Key of the message.
    pub fn key(&self) -> Option<&[u8]> {
        self.contents().key
    }

    /// Value of the message.
    pub fn value(&self) -> Option<&[u8]> {
        self.contents().value
    }

    /// The message for the decoder; its headers have been copied into one buffer.
    pub fn record<'m>(&'m self, headers: Option<&'m [u8]>) -> Record<'m> {
        Record {
            topic: self.topic(),
            partition: self.partition(),
            offset: self.offset(),
            timestamp: self.timestamp(),
            key: self.key(),
            value: self.value(),
            headers,
        }
    }

    /// The headers, copied into one buffer.
    pub fn headers(&self) -> Option<Vec<u8>> {
        let mut list = ptr::null_mut();
        // SAFETY: the message lives, and so do its headers and what they point to.
        unsafe {
            let error = native::rd_kafka_message_headers(self.message.as_ptr(), &mut list);
            if error.is_error() {
                return None;
            }
            let mut found = Vec::new();
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            for at in 0.. {
                let error = native::rd_kafka_header_get_all(list, at, &mut name, &mut value, &mut length);
                if error.is_error() {
                    break;
                }
                let value = ptr::slice_from_raw_parts(value.cast::<u8>(), length).as_ref();
                headers::append(CStr::from_ptr(name).to_bytes(), value, &mut found);
            }
            Some(found)
        }
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        // SAFETY: this is the only owner, and nobody uses the pointer after its owner is dropped.
        unsafe { native::rd_kafka_message_destroy(self.message.as_ptr()) }
    }
}
