//! Objects of S3, Google Cloud Storage, Azure and web servers, for code that waits for them.

mod address;
mod reader;
mod refusal;
mod runtime;
mod tag;
mod whole;
mod writer;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};

pub use address::Address;
pub use reader::ObjectReader;
pub use whole::{Condition, Put};
pub use writer::ObjectWriter;

use tally_postgres::Failure;

/// An object, as it was when it was found.
#[derive(Debug, Clone)]
pub struct Object {
    store: Arc<dyn ObjectStore>,
    url: String,
    meta: ObjectMeta,
}

impl Object {
    /// Returns the object at an address, or none if there is no such object.
    pub fn find(address: &Address) -> Result<Option<Self>, Failure> {
        let (store, path) = (address.store.clone(), address.path.clone());
        match runtime::wait(async move { store.head(&path).await }) {
            Ok(meta) => {
                Ok(Some(Self { store: address.store.clone(), url: address.url(&meta.location), meta }))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failure(&error).at(address)),
        }
    }

    /// Returns the objects below an address, in the order of their names.
    pub fn list(address: &Address) -> Result<Vec<Self>, Failure> {
        let (store, path) = (address.store.clone(), address.path.clone());
        let list = async move { store.list(Some(&path)).try_collect::<Vec<_>>().await };
        let mut metas = runtime::wait(list).map_err(|error| failure(&error).at(address))?;
        metas.retain(|meta| meta.size > 0 || !meta.location.as_ref().ends_with('/'));
        metas.sort_by(|a, b| a.location.cmp(&b.location));
        let object =
            |meta: ObjectMeta| Self { store: address.store.clone(), url: address.url(&meta.location), meta };
        Ok(metas.into_iter().map(object).collect())
    }

    /// The address, without anything secret.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.meta.size
    }

    /// Time of the last change, in microseconds since 1970.
    pub fn modified(&self) -> i64 {
        self.meta.last_modified.timestamp_micros()
    }

    /// A text that is another one when the contents are.
    pub fn version(&self) -> String {
        self.meta.e_tag.as_deref().map_or_else(|| self.meta.last_modified.to_rfc3339(), tag::normal)
    }

    /// Returns the object as it is now.
    pub fn now(&self) -> io::Result<Self> {
        let (store, path) = (self.store.clone(), self.meta.location.clone());
        let meta = runtime::wait(async move { store.head(&path).await }).map_err(|e| error(&e))?;
        Ok(Self { meta, ..self.clone() })
    }

    /// Reads from a byte on.
    pub fn open(&self, from: u64) -> ObjectReader {
        ObjectReader::new(self.clone(), from)
    }

    /// Reads some bytes; fails if the object has changed.
    pub fn bytes(&self, range: Range<u64>) -> io::Result<Bytes> {
        runtime::wait(self.clone().read(range))
    }

    async fn read(self, range: Range<u64>) -> io::Result<Bytes> {
        // Only a strong tag stands for the bytes.
        let tag = self.meta.e_tag.as_deref().filter(|tag| !tag.starts_with("W/")).map(tag::normal);
        let wanted = range.end - range.start;
        let options =
            GetOptions { range: Some(GetRange::Bounded(range)), if_match: tag, ..GetOptions::default() };
        let found = self.store.get_opts(&self.meta.location, options).await.map_err(|e| error(&e))?;
        let bytes = found.bytes().await.map_err(|e| error(&e))?;
        match bytes.len() as u64 == wanted {
            true => Ok(bytes),
            false => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "object ends before its end")),
        }
    }
}

/// Says what went wrong in a store, and what to do about it.
pub fn failure(error: &Error) -> Failure {
    let cause = cause(error);
    let code = refusal::code(&cause);
    match error {
        Error::NotFound { .. } if code == Some("NoSuchBucket") => Failure::usage("no such bucket"),
        Error::NotFound { .. } => Failure::usage("no such object"),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Failure::usage(match code {
            Some(code) => format!("access denied: {code}"),
            None => "access denied".into(),
        })
        .mend("check the credentials, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and this machine's clock"),
        Error::Precondition { .. } => {
            Failure::new("object changed while it was being read").mend("run the command again")
        }
        _ => Failure::transient(refusal::brief(cause)).mend("check the address, then run the command again"),
    }
}

fn error(error: &Error) -> io::Error {
    let kind = match error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, failure(error).to_string())
}

/// The innermost cause says what happened; the others say that something has.
fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
