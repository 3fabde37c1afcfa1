//! The schema registry: schemas by number; a number never changes its meaning.
//!
//! A schema is fetched once, and stored in PostgreSQL as well, so that messages of known schemas can be loaded while
//! the registry is unavailable.

mod client;

use std::collections::HashMap;
use std::sync::Arc;

use tally_postgres::{ErrorKind, Failure};

use crate::config;
use crate::decode::avro::AvroShape;
use client::Client;

/// A schema with those that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Number of the schema in the registry.
    pub id: u32,
    /// Text of the schema.
    pub text: String,
    /// Texts of the schemas that it refers to.
    pub references: Vec<String>,
}

/// The schemas that are known.
pub struct Registry {
    client: Client,
    shapes: HashMap<u32, Result<Arc<AvroShape>, String>>,
    /// Schemas that PostgreSQL does not have yet.
    fresh: Vec<Schema>,
}

impl Registry {
    /// Creates a registry of which these schemas are known.
    pub fn new(config: &config::RegistryConfig, known: Vec<Schema>) -> Result<Self, Failure> {
        let shapes = known.iter().map(|schema| (schema.id, parse(schema))).collect();
        Ok(Self { client: Client::new(config)?, shapes, fresh: Vec::new() })
    }

    /// Checks that the registry answers.
    pub fn probe(config: &config::RegistryConfig) -> Result<(), Failure> {
        Client::new(config)?.probe()
    }

    /// Returns the schema with this number. Where no usable one exists, the message is to be rejected; where the
    /// registry does not answer, it is to be asked again.
    pub fn shape(&mut self, id: u32) -> Result<Arc<AvroShape>, Failure> {
        let known = match self.shapes.get(&id) {
            Some(known) => known.clone(),
            None => {
                let schema = self.client.schema(id)?;
                let parsed = parse(&schema);
                self.fresh.push(schema);
                self.shapes.insert(id, parsed.clone());
                parsed
            }
        };
        known.map_err(|what| Failure::new(what).of_kind(ErrorKind::Reject))
    }

    /// Takes the schemas that were fetched since the last call.
    pub fn take_fresh(&mut self) -> Vec<Schema> {
        std::mem::take(&mut self.fresh)
    }
}

/// Registers a schema, unless it is registered; returns its number.
pub fn register(config: &config::RegistryConfig, subject: &str, schema: &str) -> Result<u32, Failure> {
    Client::new(config)?.register(subject, schema)
}

fn parse(schema: &Schema) -> Result<Arc<AvroShape>, String> {
    AvroShape::parse(&schema.text, &schema.references)
        .map(Arc::new)
        .map_err(|error| format!("schema {} cannot be used: {error}", schema.id))
}
