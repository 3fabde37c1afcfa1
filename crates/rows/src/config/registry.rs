//! Settings of the schema registry.

use std::path::PathBuf;

use serde::Deserialize;
use tally_postgres::Failure;

use super::secret::Secret;

/// The schema registry, as `[registry]` names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryConfig {
    /// Address of the registry, with the path under which it speaks Confluent's protocol.
    pub url: String,
    /// User name, where the registry requires one.
    pub user: Option<String>,
    /// Password of the user.
    pub password: Option<Secret>,
    /// A PEM file of certificates to trust instead of the public ones.
    pub ca: Option<PathBuf>,
}

impl RegistryConfig {
    /// Creates the settings of a registry without authentication.
    pub fn open(url: &str) -> Result<Self, Failure> {
        let registry = Self { url: url.into(), user: None, password: None, ca: None };
        match registry.validate() {
            Ok(()) => Ok(registry),
            Err((what, mend)) => Err(Failure::usage(what).mend(mend)),
        }
    }

    /// Returns what is wrong with the section and how to mend it, if anything.
    pub fn validate(&self) -> Result<(), (String, &'static str)> {
        if !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            return Err((format!("`url` is {:?}", self.url), "begin it with http:// or https://"));
        }
        let authority = self.url.split('/').nth(2).unwrap_or_default();
        if authority.contains('@') {
            // The address is printed, and stored with the schemas.
            return Err(("`url` contains a user".into(), "set `user` and `password` of [registry] instead"));
        }
        if self.password.is_some() && self.user.is_none() {
            return Err(("`password` requires a `user`".into(), "add `user`"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let complaint = |url: &str| RegistryConfig::open(url).err().map(|failure| failure.to_string());
        assert_eq!(complaint("https://registry.example.com/apis/ccompat/v7?x=a@b"), None);
        assert!(complaint("registry:8081").unwrap().contains("begin it with http://"));
        let secret = complaint("http://me:hunter2@registry:8081").unwrap();
        assert!(secret.contains("`password` of [registry]") && !secret.contains("hunter2"), "{secret}");
    }
}
