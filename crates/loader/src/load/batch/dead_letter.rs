//! A message that could not become a row, with the reason.

use tally_postgres::pgtype::copy::{append_encoded, append_field, begin_row};
use tally_postgres::pgtype::moment::micros_from_unix;
use tally_postgres::pgtype::JSONB_VERSION;
use tally_rows::decode::avro::unframe;
use tally_rows::decode::{headers, Record, Reject};
use tally_rows::refusal::{append_reason, Stage};

/// The statement that the rows of [`MessageDeadLetter::append`] are for.
pub const COPY: &str =
    "COPY loader.dead_letters (job, topic, partition, \"offset\", ts, key, value, headers, \
                        schema_id, stage, sqlstate, column_name, message) FROM STDIN (FORMAT binary)";

/// A row of `loader.dead_letters`.
pub struct MessageDeadLetter {
    topic: String,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Option<Vec<u8>>,
    stage: Stage,
    reject: Reject,
}

impl MessageDeadLetter {
    /// Keeps all of the message.
    pub fn new(record: &Record, stage: Stage, reject: Reject) -> Self {
        Self {
            topic: record.topic.to_string(),
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.map(<[u8]>::to_vec),
            stage,
            reject,
        }
    }

    /// The topic of the message.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Number of bytes that are kept of the message.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        [&self.key, &self.value, &self.headers].into_iter().flatten().map(Vec::len).sum()
    }

    /// The stage at which the message was refused.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The reason of the refusal.
    pub fn reason(self) -> Reject {
        self.reject
    }

    /// Appends the dead letter as a row of binary COPY.
    pub fn append(&self, job: &str, out: &mut Vec<u8>) {
        begin_row(13, out);
        append_field(Some(job.as_bytes()), out);
        append_field(Some(self.topic.as_bytes()), out);
        append_field(Some(&self.partition.to_be_bytes()), out);
        append_field(Some(&self.offset.to_be_bytes()), out);
        // A producer may send a timestamp that is out of range; the message itself is kept.
        let micros = self.timestamp.and_then(|millis| micros_from_unix(i128::from(millis) * 1000));
        append_field(micros.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice), out);
        append_field(self.key.as_deref(), out);
        append_field(self.value.as_deref(), out);
        match &self.headers {
            Some(headers) => append_jsonb(headers, out),
            None => append_field(None, out),
        }
        // For any message: Avro begins with a zero byte, JSON never does.
        let schema = self.value.as_deref().and_then(|value| unframe(value).ok());
        append_field(schema.map(|(id, _)| id.to_be_bytes()).as_ref().map(<[u8; 4]>::as_slice), out);
        append_reason(self.stage, &self.reject, out);
    }
}

/// Appends headers as a field of jsonb, in which they always have room: librdkafka takes no message that is too long.
fn append_jsonb(flat: &[u8], out: &mut Vec<u8>) {
    let encode = |out: &mut Vec<u8>| {
        out.push(JSONB_VERSION);
        headers::append_json(flat, out);
        Ok::<_, std::convert::Infallible>(())
    };
    let Ok(_) = append_encoded(out, encode);
}
