//! Fetches messages from librdkafka by the hundred. The `rdkafka` crate returns each as an event of its own, with an
//! allocation, locks and calls of the clock, which cost a seventh of the loader's time; it does not expose librdkafka's
//! way to return many.
//!
//! Only messages take this path. All other events, such as rebalances, stay in the consumer's own queue.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::str;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::Consumer;
use rdkafka::error::{IsError, KafkaError};

use super::prefetch::{MeanOverhead, Prefetch};
use super::JobConsumer;
use crate::decode::headers;

/// Number of messages that are taken at once: enough to be cheap, and few enough to stay in the processor's cache.
const MOST: usize = 256;

/// The queue of a consumer's messages.
pub struct Queue<'c> {
    consumer: &'c JobConsumer,
    queue: NonNull<native::rd_kafka_queue_t>,
    taken: VecDeque<Message<'c>>,
    prefetch: Prefetch,
    overhead: MeanOverhead,
}

/// A message, or an error of a partition.
pub struct Message<'c> {
    message: NonNull<native::rd_kafka_message_t>,
    consumer: PhantomData<&'c JobConsumer>,
}

impl<'c> Queue<'c> {
    /// An empty queue.
    pub fn new(consumer: &'c JobConsumer, prefetch: Prefetch) -> Self {
        // SAFETY: the client lives as long as the consumer, which the queue borrows.
        let queue = unsafe { native::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = NonNull::new(queue).expect("librdkafka makes queues");
        let taken = VecDeque::with_capacity(MOST);
        Self { consumer, queue, taken, prefetch, overhead: MeanOverhead::default() }
    }

    /// Redirects the messages of a partition to this queue. Must be called before the partition is assigned, or they
    /// would come out of order.
    pub fn lead(&self, topic: &str, partition: i32) {
        let topic = CString::new(topic).expect("Kafka's names have no zero bytes");
        let client = self.consumer.client().native_ptr();
        // SAFETY: the client lives, and the name ends with a zero byte.
        let queue = unsafe { native::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) };
        let queue = NonNull::new(queue).expect("each partition has a queue");
        // SAFETY: both queues live; the reference to the partition's queue is released once, after its last use.
        unsafe {
            native::rd_kafka_queue_forward(queue.as_ptr(), self.queue.as_ptr());
            native::rd_kafka_queue_destroy(queue.as_ptr());
        }
    }

    /// Returns the next message, if there is one or one comes in time.
    pub fn poll(&mut self, wait: Duration) -> Option<Message<'c>> {
        if self.taken.is_empty() {
            self.take_messages(wait);
        }
        self.taken.pop_front()
    }

    /// Notes the size of a message's key and headers, in bytes.
    pub fn note_overhead(&mut self, bytes: usize) {
        self.overhead.note(bytes);
    }

    /// Returns whether the messages that wait take too much memory; the next consumer with this limit fetches fewer
    /// ahead.
    pub fn lower_prefetch(&self) -> bool {
        // SAFETY: the queue lives until this is dropped.
        let waiting = unsafe { native::rd_kafka_queue_length(self.queue.as_ptr()) };
        self.prefetch.lower(waiting, &self.overhead)
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
            native::rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait, messages.as_mut_ptr(), MOST)
        };
        let count = usize::try_from(count).unwrap_or(0);
        let messages = messages[..count].iter().filter_map(|message| NonNull::new(*message));
        self.taken.extend(messages.map(|message| Message { message, consumer: PhantomData }));
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.taken.clear();
        // SAFETY: this is the only owner, and nobody uses the pointer after its owner is dropped.
        unsafe { native::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

impl Message<'_> {
    fn get(&self) -> &native::rd_kafka_message_t {
        // SAFETY: librdkafka does not change a message before its owner destroys it.
        unsafe { self.message.as_ref() }
    }

    /// The error that was delivered in place of a message.
    pub fn error(&self) -> Option<KafkaError> {
        let error = self.get().err;
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
        // SAFETY: the message lives, and its description ends with a zero byte and lives as long.
        let text = unsafe { CStr::from_ptr(native::rd_kafka_message_errstr(self.message.as_ptr())) };
        text.to_string_lossy().into_owned()
    }

    /// Name of the topic.
    pub fn topic(&self) -> &str {
        // SAFETY: messages have a topic, whose name ends with a zero byte and lives as long as the topic.
        let name = unsafe { CStr::from_ptr(native::rd_kafka_topic_name(self.get().rkt)) };
        name.to_str().expect("Kafka allows only ASCII in the names of topics")
    }

    /// Number of the partition.
    pub fn partition(&self) -> i32 {
        self.get().partition
    }

    /// Offset in the partition.
    pub fn offset(&self) -> i64 {
        self.get().offset
    }

    /// Timestamp of the message, milliseconds since 1970.
    pub fn timestamp(&self) -> Option<i64> {
        // SAFETY: the message lives; librdkafka takes a null pointer for the kind of the timestamp.
        let timestamp = unsafe { native::rd_kafka_message_timestamp(self.message.as_ptr(), ptr::null_mut()) };
        (timestamp != -1).then_some(timestamp)
    }

    /// Key of the message.
    pub fn key(&self) -> Option<&[u8]> {
        self.contents()[0]
    }

    /// Value of the message.
    pub fn value(&self) -> Option<&[u8]> {
        self.contents()[1]
    }

    /// Key and value of the message.
    fn contents(&self) -> [Option<&[u8]>; 2] {
        let message = self.get();
        // SAFETY: librdkafka has stored this many bytes there, which live as long as the message.
        unsafe { [bytes(message.key, message.key_len), bytes(message.payload, message.len)] }
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
                headers::append(CStr::from_ptr(name).to_bytes(), bytes(value, length), &mut found);
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

/// The bytes at a pointer; None if it is null.
///
/// # Safety
/// This many bytes are there, and live for `'m`.
unsafe fn bytes<'m>(start: *const std::ffi::c_void, length: usize) -> Option<&'m [u8]> {
    // SAFETY: the caller promises bytes that live long enough.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), length) })
}
