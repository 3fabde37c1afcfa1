//! The schema registry: schemas by their numbers, which never change their meaning.
//!
//! A schema is asked for once. It is kept in PostgreSQL as well, so that a registry that is away stops nobody who has seen
//! the schemas of his topics before.

mod client;

use std::collections::HashMap;
use std::sync::Arc;

use crate::config;
use crate::decode::avro::AvroShape;
use crate::{ErrorKind, Failure};
use client::Client;

/// A schema with those that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Number of the schema in the registry.
    pub id: u32,
    /// Text of the schema.
    pub text: String,
    /// The texts of the others.
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
    /// A registry of which these schemas are known.
    pub fn new(config: &config::RegistryConfig, known: Vec<Schema>) -> Result<Self, Failure> {
        let shapes = known.iter().map(|schema| (schema.id, parse(schema))).collect();
        Ok(Self { client: Client::new(config)?, shapes, fresh: Vec::new() })
    }

    /// Whether it answers.
    pub fn probe(config: &config::RegistryConfig) -> Result<(), Failure> {
        Client::new(config)?.probe()
    }

    /// The schema with this number. Where there is none that can be used the message that names it is to blame, which is an
    /// error to reject by; a registry that does not answer is one to try again.
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

    /// The schemas that were fetched since this was last asked.
    pub fn take_fresh(&mut self) -> Vec<Schema> {
        std::mem::take(&mut self.fresh)
    }
}

/// Registers a schema, if it is not; its number.
pub fn register(config: &config::RegistryConfig, subject: &str, schema: &str) -> Result<u32, Failure> {
    Client::new(config)?.register(subject, schema)
}

fn parse(schema: &Schema) -> Result<Arc<AvroShape>, String> {
    AvroShape::parse(&schema.text, &schema.references)
        .map(Arc::new)
        .map_err(|error| format!("schema {} cannot be used: {error}", schema.id))
}
