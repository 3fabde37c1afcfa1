//! Secrets, which may be kept out of the configuration file and are never printed.

use std::env;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tally_postgres::Failure;

/// A value, or the place where it is kept: `"text"`, `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Clone)]
pub enum Secret {
    /// A secret that stands in the configuration itself; a number or a flag is taken as it is written.
    Plain(String),
    /// The value of an environment variable.
    Environment(String),
    /// The first line of a file.
    File(PathBuf),
}

impl Secret {
    /// Returns the value itself.
    pub fn reveal(&self) -> Result<String, Failure> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Environment(name) => env::var(name).map_err(|error| {
                // An error for a value that is not UTF-8 would show it.
                let what = match error {
                    env::VarError::NotPresent => "not set",
                    env::VarError::NotUnicode(_) => "not UTF-8",
                };
                Failure::usage(what)
                    .at(format!("environment variable {name}"))
                    .mend("set it in the loader's environment")
            }),
            Self::File(file) => {
                let text = fs::read_to_string(file).map_err(|error| {
                    Failure::usage(error).at(file.display()).mend("let the loader's user read it")
                })?;
                Ok(text.lines().next().unwrap_or_default().to_string())
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, { env = \"NAME\" } or { file = \"PATH\" }")
    }

    fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Plain(text.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Secret, E> {
        Ok(Secret::Plain(number.to_string()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Secret, E> {
        Ok(Secret::Plain(flag.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        const KEYS: [&str; 2] = ["env", "file"];
        let secret = match map.next_key::<String>()?.as_deref() {
            Some("env") => Secret::Environment(map.next_value()?),
            Some("file") => Secret::File(map.next_value()?),
            Some(other) => return Err(A::Error::unknown_field(other, &KEYS)),
            None => return Err(A::Error::missing_field("env")),
        };
        match map.next_key::<String>()? {
            None => Ok(secret),
            Some(other) => {
                Err(A::Error::custom(format!("unexpected {other:?}: a secret has a single source")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn parse(text: &str) -> Result<Secret, String> {
        let table: Result<HashMap<String, Secret>, _> = toml::from_str(&format!("s = {text}"));
        table.map(|mut table| table.remove("s").unwrap()).map_err(|error| error.message().to_string())
    }

    #[test]
    fn comes_from_where_it_is_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "hunter2\r\nsecond line").unwrap();
        let from_file = format!("{{ file = '{}' }}", file.path().display());
        assert_eq!(parse(&from_file).unwrap().reveal().unwrap(), "hunter2");
        assert_eq!(parse("{ env = 'PATH' }").unwrap().reveal().unwrap(), env::var("PATH").unwrap());
        assert_eq!(parse("'hunter2'").unwrap().reveal().unwrap(), "hunter2");
        assert_eq!(parse("100").unwrap().reveal().unwrap(), "100");
        assert_eq!(parse("true").unwrap().reveal().unwrap(), "true");
    }

    #[test]
    fn says_what_is_missing_and_never_the_value() {
        let missing = parse("{ env = 'TALLY_NO_SUCH_VARIABLE' }").unwrap().reveal().unwrap_err();
        assert_eq!(
            missing.to_string(),
            "environment variable TALLY_NO_SUCH_VARIABLE: not set; set it in the loader's environment"
        );
        let missing = parse("{ file = '/no/such/file' }").unwrap().reveal().unwrap_err().to_string();
        assert!(missing.starts_with("/no/such/file: "), "{missing}");
        assert_eq!(format!("{:?}", parse("'hunter2'").unwrap()), "Secret");
        assert!(parse("{ evn = 'X' }")
            .unwrap_err()
            .starts_with("unknown field `evn`, expected `env` or `file`"));
        assert!(parse("{ env = 'X', file = 'Y' }").unwrap_err().contains("a single source"));
        assert!(parse("[1]").unwrap_err().contains("expected text, { env"));
    }
}
