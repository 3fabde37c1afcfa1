//! Client of a schema registry that speaks Confluent's protocol.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::time::Duration;

use base64::prelude::{Engine, BASE64_STANDARD};
use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};
use serde::de::DeserializeOwned;
use serde::Deserialize;
use tally_postgres::{ErrorKind, Failure};
use ureq::tls::{parse_pem, PemItem, RootCerts, TlsConfig, TlsProvider};
use ureq::Agent;

use super::Schema;
use crate::config;

/// Timeout of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Maximum number of references of one schema; more must be a cycle.
const MOST_REFERENCES: usize = 1000;

/// A connection to a registry.
pub struct Client {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaAnswer {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    subject: String,
    version: u32,
}

impl Client {
    /// Prepares a client; nothing is sent yet.
    pub fn new(config: &config::RegistryConfig) -> Result<Self, Failure> {
        // The certificates that the distribution trusts, as for Kafka and PostgreSQL.
        let mut tls =
            TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier);
        if let Some(path) = &config.ca {
            let place = || format!("`registry.ca`, {}", path.display());
            let pem = fs::read(path).map_err(|error| Failure::usage(error).at(place()))?;
            let certificates: Vec<_> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if certificates.is_empty() {
                return Err(Failure::usage("file has no certificate").at(place()).mend("name a PEM file"));
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
        }
        let agent = Agent::config_builder().timeout_global(Some(PATIENCE)).tls_config(tls.build()).build();
        let authorization = match &config.user {
            Some(user) => {
                let password = config.password.as_ref().map(|secret| secret.reveal()).transpose()?;
                let both = format!("{user}:{}", password.unwrap_or_default());
                Some(format!("Basic {}", BASE64_STANDARD.encode(both)))
            }
            None => None,
        };
        Ok(Self { agent: agent.into(), url: config.url.trim_end_matches('/').into(), authorization })
    }

    /// Checks that the address answers as a schema registry does.
    pub fn probe(&self) -> Result<(), Failure> {
        match self.get::<serde::de::IgnoredAny>("subjects") {
            Ok(_) => Ok(()),
            Err(failure) => Err(failure.at(self.place())),
        }
    }

    /// Fetches the schema with this number, and all that it refers to.
    pub fn schema(&self, id: u32) -> Result<Schema, Failure> {
        let answer: SchemaAnswer = self.get(&format!("schemas/ids/{id}"))?;
        if let Some(other) = answer.schema_type.filter(|kind| kind != "AVRO") {
            return Err(unusable(format!("schema {id} is of type {other}, not Avro")));
        }
        let mut references = Vec::new();
        let mut seen = HashSet::new();
        let mut wanted = answer.references;
        while let Some(reference) = wanted.pop() {
            let Reference { subject, version } = reference;
            if !seen.insert((subject.clone(), version)) || seen.len() > MOST_REFERENCES {
                continue;
            }
            let path = format!("subjects/{}/versions/{version}", percent_encoded(&subject));
            let answer: SchemaAnswer = self.get(&path)?;
            references.push(answer.schema);
            wanted.extend(answer.references);
        }
        Ok(Schema { id, text: answer.schema, references })
    }

    /// Registers a schema, unless it is registered; returns its number.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, Failure> {
        #[derive(Deserialize)]
        struct Registered {
            id: u32,
        }
        let url = format!("{}/subjects/{}/versions", self.url, percent_encoded(subject));
        let mut request = self.agent.post(url);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let answer = request
            .send_json(serde_json::json!({ "schema": schema }))
            .and_then(|mut answer| answer.body_mut().read_json::<Registered>());
        answer.map(|registered| registered.id).map_err(|error| self.failure(error))
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let mut request = self.agent.get(format!("{}/{path}", self.url));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let answer = request.call().and_then(|mut answer| answer.body_mut().read_json());
        answer.map_err(|error| match error {
            ureq::Error::StatusCode(404) => unusable(format!("the schema registry has no {path}")),
            ureq::Error::StatusCode(401 | 403) => {
                self.failure("authentication failed").mend("set `user` and `password` of [registry]")
            }
            ureq::Error::BadUri(_) => self.failure("invalid URL").mend("correct `url` of [registry]"),
            other => Failure::new(format!("the schema registry at {} does not answer: {other}", self.url))
                .of_kind(ErrorKind::Retry),
        })
    }

    fn failure(&self, what: impl fmt::Display) -> Failure {
        Failure::new(what).at(self.place())
    }

    fn place(&self) -> String {
        format!("schema registry {}", self.url)
    }
}

/// The error of a schema that messages cannot be read with.
fn unusable(what: String) -> Failure {
    Failure::new(what).of_kind(ErrorKind::Reject)
}

/// Encodes a text as one segment of a path.
fn percent_encoded(text: &str) -> impl fmt::Display + '_ {
    const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_parts_of_paths() {
        assert_eq!(percent_encoded("md.trades-v2/value é").to_string(), "md.trades-v2%2Fvalue%20%C3%A9");
    }
}
