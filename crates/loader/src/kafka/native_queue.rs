//! Queues of librdkafka: of messages, and of answers.

use std::ffi::CString;
use std::marker::PhantomData;
use std::ptr::NonNull;

use rdkafka::bindings as native;
use rdkafka::consumer::Consumer;

use super::native_text::NativeText;
use super::JobConsumer;

/// A queue, which is destroyed when this is dropped. The consumer must outlive it.
pub struct NativeQueue(QueuePointer);

/// A queue, as C sees it. Only a [`NativeQueue`] has one, until it is dropped.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct QueuePointer(NonNull<native::rd_kafka_queue_t>);

/// The client of a consumer that lives for `'c`. A pointer, as C sees it.
#[repr(transparent)]
struct NativeClient<'c> {
    client: *mut native::rd_kafka_t,
    consumer: PhantomData<&'c JobConsumer>,
}

impl<'c> From<&'c JobConsumer> for NativeClient<'c> {
    fn from(consumer: &'c JobConsumer) -> Self {
        Self { client: consumer.client().native_ptr(), consumer: PhantomData }
    }
}

// SAFETY: librdkafka's queues may be used and destroyed by any thread.
unsafe impl Send for NativeQueue {}

// librdkafka defines these functions with these arguments; it locks what it changes.
unsafe extern "C" {
    safe fn rd_kafka_queue_new(client: NativeClient) -> Option<QueuePointer>;
    safe fn rd_kafka_queue_get_partition(
        client: NativeClient,
        topic: NativeText,
        partition: i32,
    ) -> Option<QueuePointer>;
    safe fn rd_kafka_queue_forward(from: QueuePointer, to: Option<QueuePointer>);
    safe fn rd_kafka_queue_length(queue: QueuePointer) -> usize;
}

impl NativeQueue {
    /// An empty queue.
    pub fn new(consumer: &JobConsumer) -> Self {
        Self(rd_kafka_queue_new(consumer.into()).expect("librdkafka makes queues"))
    }

    /// The queue of a partition's messages.
    pub fn of_partition(consumer: &JobConsumer, topic: &str, partition: i32) -> Self {
        let topic = CString::new(topic).expect("Kafka's names have no zero bytes");
        let queue = rd_kafka_queue_get_partition(consumer.into(), topic.as_c_str().into(), partition);
        Self(queue.expect("each partition has a queue"))
    }

    /// The queue for functions of librdkafka.
    pub fn pointer(&self) -> *mut native::rd_kafka_queue_t {
        self.0 .0.as_ptr()
    }

    /// Redirects what comes to this queue to another one.
    pub fn forward(&self, to: &Self) {
        rd_kafka_queue_forward(self.0, Some(to.0));
    }

    /// Number of events and messages that wait.
    pub fn len(&self) -> usize {
        rd_kafka_queue_length(self.0)
    }
}

impl Drop for NativeQueue {
    fn drop(&mut self) {
        // SAFETY: this is the only owner, and nobody uses the pointer after its owner is dropped.
        unsafe { native::rd_kafka_queue_destroy(self.pointer()) }
    }
}
