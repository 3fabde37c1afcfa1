//! Connection settings of PostgreSQL.

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;
use tally_postgres::{Connector, Failure};

use super::secret::Secret;

/// The key `database`: a URL, perhaps kept elsewhere as a secret, or a section with a separate password.
#[derive(Debug, Clone)]
pub struct Database {
    /// A URL or key=value string, as libpq takes it.
    pub url: Secret,
    /// The password, if it is not in the URL.
    pub password: Option<Secret>,
}

impl Database {
    /// Creates the connector of a program; PostgreSQL lists its connections under this name.
    pub fn connector(&self, name: &str) -> Result<Connector, Failure> {
        let password = self.password.as_ref().map(|password| password.reveal()).transpose()?;
        Connector::new(&self.url.reveal()?, password.as_deref(), &format!("tally {name}"))
    }
}

impl From<&str> for Database {
    fn from(url: &str) -> Self {
        Self { url: Secret::Plain(url.into()), password: None }
    }
}

impl<'de> Deserialize<'de> for Database {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DatabaseVisitor)
    }
}

struct DatabaseVisitor;

impl<'de> Visitor<'de> for DatabaseVisitor {
    type Value = Database;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a connection string, or a section with `url`")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<Database, E> {
        let url = Secret::deserialize(StrDeserializer::new(url))?;
        Ok(Database { url, password: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Database, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Section {
            url: Option<Secret>,
            password: Option<Secret>,
            env: Option<String>,
            file: Option<PathBuf>,
        }
        let section = Section::deserialize(MapAccessDeserializer::new(map))?;
        let kept = section.env.map(Secret::Environment).or(section.file.map(Secret::File));
        let url = section.url.or(kept).ok_or_else(|| A::Error::missing_field("url"))?;
        Ok(Database { url, password: section.password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Database, String> {
        #[derive(Deserialize)]
        struct File {
            database: Database,
        }
        toml::from_str::<File>(text).map(|file| file.database).map_err(|error| error.message().to_string())
    }

    #[test]
    fn all_forms() {
        let plain = parse("database = 'host=a'").unwrap();
        assert_eq!(plain.url.reveal().unwrap(), "host=a");
        assert!(
            matches!(parse("database = { env = 'U' }").unwrap().url, Secret::Environment(name) if name == "U")
        );
        let section = parse("[database]\nurl = 'host=a'\npassword = { file = 'p' }").unwrap();
        assert!(matches!(section.password, Some(Secret::File(path)) if path.ends_with("p")));
        assert_eq!(parse("[database]\npassword = 'x'").unwrap_err(), "missing field `url`");
        assert!(parse("[database]\nurl = 'x'\npasword = 'x'")
            .unwrap_err()
            .starts_with("unknown field `pasword`"));
        assert!(!format!("{:?}", parse("database = 'password=hunter2'").unwrap()).contains("hunter2"));
    }
}
