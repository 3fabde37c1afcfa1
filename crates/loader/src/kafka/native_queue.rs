//! Queues of librdkafka: of messages, and of answers.

use std::ffi::CString;
use std::ptr::NonNull;

use rdkafka::bindings as native;
use rdkafka::consumer::Consumer;

use super::JobConsumer;

/// A queue, which is destroyed when this is dropped. The consumer must outlive it.
pub struct NativeQueue(NonNull<native::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used and destroyed by any thread.
unsafe impl Send for NativeQueue {}

// librdkafka defines these functions with these arguments; it locks what it changes.
unsafe extern "C" {
    safe fn rd_kafka_queue_forward(from: &native::rd_kafka_queue_t, to: Option<&native::rd_kafka_queue_t>);
    safe fn rd_kafka_queue_length(queue: &native::rd_kafka_queue_t) -> usize;
}

impl NativeQueue {
    /// An empty queue.
    pub fn new(consumer: &JobConsumer) -> Self {
        // SAFETY: the client lives as long as the consumer.
        let queue = unsafe { native::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Self(NonNull::new(queue).expect("librdkafka makes queues"))
    }

    /// The queue of a partition's messages.
    pub fn of_partition(consumer: &JobConsumer, topic: &str, partition: i32) -> Self {
        let topic = CString::new(topic).expect("Kafka's names have no zero bytes");
        let client = consumer.client().native_ptr();
        // SAFETY: the client lives as long as the consumer, and the name ends with a zero byte.
        let queue = unsafe { native::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) };
        Self(NonNull::new(queue).expect("each partition has a queue"))
    }

    fn get(&self) -> &native::rd_kafka_queue_t {
        // SAFETY: the queue is there until this is dropped.
        unsafe { self.0.as_ref() }
    }

    /// The queue for functions of librdkafka.
    pub fn pointer(&self) -> *mut native::rd_kafka_queue_t {
        self.0.as_ptr()
    }

    /// Redirects what comes to this queue to another one.
    pub fn forward(&self, to: &Self) {
        rd_kafka_queue_forward(self.get(), Some(to.get()));
    }

    /// Number of events and messages that wait.
    pub fn len(&self) -> usize {
        rd_kafka_queue_length(self.get())
    }
}

impl Drop for NativeQueue {
    fn drop(&mut self) {
        // SAFETY: this is the only owner, and nobody uses the pointer after its owner is dropped.
        unsafe { native::rd_kafka_queue_destroy(self.pointer()) }
    }
}
