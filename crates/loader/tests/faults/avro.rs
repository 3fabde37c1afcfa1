//! Avro messages, with schemas in the suite's registry.

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::Schema;

use tally_testkit::environment;

/// A schema in the registry.
pub struct Registered {
    id: u32,
    schema: Schema,
}

impl Registered {
    /// Registers a schema for the values of a topic.
    pub fn new(topic: &str, schema: &str) -> Self {
        let url = format!("{}/subjects/{topic}-value/versions", environment("REGISTRY_URL"));
        let body = serde_json::json!({ "schema": schema });
        let answer: serde_json::Value =
            ureq::post(&url).send_json(body).unwrap().body_mut().read_json().unwrap();
        let id = answer["id"].as_u64().unwrap().try_into().unwrap();
        Self { id, schema: Schema::parse_str(schema).unwrap() }
    }

    /// A record in the registry's framing.
    pub fn message(&self, fields: &[(&str, Value)]) -> Vec<u8> {
        let fields = fields.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        let mut message = vec![0];
        message.extend(self.id.to_be_bytes());
        let writer = GenericDatumWriter::builder(&self.schema).build().unwrap();
        message.extend(writer.write_value_to_vec(Value::Record(fields)).unwrap());
        message
    }
}

/// The section that a topic in Avro needs in the configuration.
pub fn settings() -> String {
    format!("\nformat = 'avro'\n[registry]\nurl = '{}'", environment("REGISTRY_URL"))
}
