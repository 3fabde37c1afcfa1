//! Addresses of objects: `s3://bucket/name`, `gs://`, `az://`, `https://`.

use std::env;
use std::fmt;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{parse_url_opts, ObjectStore};
use tally_postgres::Failure;
use url::Url;

/// Beginnings of environment variables that say how to reach a store, as its own programs read them.
const VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// The address of an object, or of all objects whose names begin with it.
#[derive(Debug, Clone)]
pub struct Address {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// The name within the store.
    pub path: Path,
    /// The address of the store, without the name.
    root: String,
}

impl Address {
    /// Whether a text is the address of an object, rather than a path.
    pub fn is_one(text: &str) -> bool {
        let is_scheme = |scheme: &str| scheme.chars().all(|c| c.is_ascii_alphanumeric());
        text.split_once("://")
            .is_some_and(|(scheme, _)| !scheme.is_empty() && is_scheme(scheme) && scheme != "file")
    }

    /// Reads an address, and finds the credentials for it in the environment.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let fail = |what: &str, mend: &str| Err(Failure::usage(what).at(without_secrets(text)).mend(mend));
        if !cfg!(feature = "object-storage") {
            return fail("tally was built without object storage", "build it with `make loader`");
        }
        let Ok(url) = Url::parse(text) else {
            return fail("invalid address", "write it as in s3://bucket/name");
        };
        if url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return fail(
                "addresses with a query, a fragment or a password are not supported",
                "download the file and pipe it, with - for its path",
            );
        }
        let mut options: Vec<(String, String)> =
            env::vars().filter(|(name, _)| VARIABLES.iter().any(|begin| name.starts_with(begin))).collect();
        // Who names an endpoint without encryption means it.
        let is_plain = |(name, value): &(String, String)| {
            name.starts_with("AWS_ENDPOINT") && value.starts_with("http://")
        };
        if text.starts_with("http://") || options.iter().any(is_plain) {
            options.push(("allow_http".into(), "true".into()));
        }
        let (store, path) = match parse_url_opts(&url, options) {
            Ok(found) => found,
            Err(error) => {
                return Err(super::failure(&error)
                    .at(text)
                    .mend("addresses begin with s3://, gs://, az://, http:// or https://; files are paths"))
            }
        };
        let root = url.as_str();
        let root = root
            .trim_end_matches('/')
            .strip_suffix(path.as_ref())
            .unwrap_or(root)
            .trim_end_matches('/')
            .to_string();
        Ok(Self { store: Arc::from(store), path, root })
    }

    /// Whether the store can list its objects.
    pub fn can_list(&self) -> bool {
        !self.root.starts_with("http")
    }

    /// The address of a name within the store.
    pub fn url(&self, path: &Path) -> String {
        format!("{}/{path}", self.root)
    }

    /// The address of a directory on this machine.
    pub fn of_directory(path: &std::path::Path) -> Result<Self, Failure> {
        let fail = |e: &dyn fmt::Display| Failure::usage(e).at(path.display());
        std::fs::create_dir_all(path).map_err(|e| fail(&e))?;
        let root = path.canonicalize().map_err(|e| fail(&e))?;
        let store = LocalFileSystem::new_with_prefix(&root).map_err(|e| fail(&e))?;
        Ok(Self { store: Arc::new(store), path: Path::default(), root: root.display().to_string() })
    }

    /// Returns the path that a text or a `file://` address names. In the latter a machine may stand before the path, which is not
    /// its first directory.
    pub fn local_path(text: &str) -> Result<&str, Failure> {
        let Some(rest) = text.strip_prefix("file://") else { return Ok(text) };
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        match path.starts_with('/') {
            true => Ok(path),
            false => Err(Failure::usage("a file:// address has no relative path")
                .at(text)
                .mend("write file:///path, or the path alone")),
        }
    }

    /// The address of a name below this one.
    pub fn below(&self, name: &str) -> Self {
        Self { path: Path::from(format!("{}/{name}", self.path)), ..self.clone() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url(&self.path))
    }
}

/// An address that may hold a password or a signature, without it.
fn without_secrets(text: &str) -> &str {
    let text = text.split(['?', '#']).next().unwrap_or(text);
    match text.rsplit_once('@') {
        Some((_, rest)) => rest,
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "object-storage")]
    fn addresses() {
        for (text, path, shown) in [
            ("s3://bucket/a/b.csv", "a/b.csv", "s3://bucket/a/b.csv"),
            ("s3://bucket/a/", "a", "s3://bucket/a"),
            ("s3://bucket", "", "s3://bucket/"),
            ("http://localhost:1/d/a.csv", "d/a.csv", "http://localhost:1/d/a.csv"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.path.as_ref(), address.to_string().as_str()), (path, shown));
        }
        assert!(Address::is_one("s3://x") && !Address::is_one("file:///x") && !Address::is_one("a/b.csv"));
    }

    #[test]
    #[cfg(not(feature = "object-storage"))]
    fn addresses_are_refused() {
        let said = Address::parse("s3://bucket/a.csv").unwrap_err().to_string();
        assert!(said.contains("without object storage"), "{said}");
    }

    #[test]
    fn addresses_of_directories_are_absolute() {
        let path = |text| Address::local_path(text).ok();
        assert_eq!(path("a/b"), Some("a/b"));
        assert_eq!(path("file:///a/b"), Some("/a/b"));
        assert_eq!(path("file://localhost/a"), Some("/a"));
        assert_eq!((path("file://a/b"), path("file://localhosts/a"), path("file://")), (None, None, None));
    }

    #[test]
    fn secrets_in_addresses_are_neither_used_nor_shown() {
        for text in [
            "https://u:secret@host/a.csv",
            "https://host/a.csv?sig=secret",
            "https://host/#secret",
            "x://secret@y/?secret",
        ] {
            let said = Address::parse(text).unwrap_err().to_string();
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
