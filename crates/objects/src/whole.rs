//! Objects that are read and written in one piece, where it matters which version they replace.

use bytes::Bytes;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};
use tally_postgres::Failure;

use super::{failure, runtime, tag, Address};

/// Requirement on the address that an object is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No object.
    Absent,
    /// The object with this tag.
    Tag(String),
    /// No requirement.
    Any,
}

/// The result of a write that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The object is there, with this tag.
    Stored(String),
    /// Requirement not met: something else is there, or the object itself, if the answer to a first request was lost.
    Refused,
}

impl Address {
    /// Writes an object in one request; it is replaced as a whole or not at all.
    pub fn put(&self, bytes: Bytes, condition: &Condition) -> Result<Put, Failure> {
        self.put_pieces(&[bytes], condition)
    }

    /// Writes an object, whose bytes are in pieces, in one request.
    pub fn put_pieces(&self, pieces: &[Bytes], condition: &Condition) -> Result<Put, Failure> {
        let mode = match condition {
            Condition::Absent => PutMode::Create,
            Condition::Tag(tag) => match self.version_of(tag)? {
                Some(version) => PutMode::Update(version),
                None => return Ok(Put::Refused),
            },
            Condition::Any => PutMode::Overwrite,
        };
        match self.send(pieces, mode) {
            // Directories have no such request: who else writes to them since the look is not known there.
            Err(Error::NotImplemented { .. }) => {
                self.send(pieces, PutMode::Overwrite).map(Put::Stored).map_err(|e| failure(&e).at(self))
            }
            Ok(tag) => Ok(Put::Stored(tag)),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::Refused),
            Err(error) => Err(failure(&error).at(self)),
        }
    }

    /// Returns all that the store calls the version of this tag, if it is there: Google replaces by numbers.
    fn version_of(&self, tag: &str) -> Result<Option<UpdateVersion>, Failure> {
        let (store, path) = (self.store.clone(), self.path.clone());
        match runtime::wait(async move { store.head(&path).await }) {
            Ok(found) if found.e_tag.as_deref().map(tag::normal).as_deref() == Some(tag) => {
                Ok(Some(UpdateVersion { e_tag: found.e_tag, version: found.version }))
            }
            Ok(_) | Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failure(&error).at(self)),
        }
    }

    fn send(&self, pieces: &[Bytes], mode: PutMode) -> Result<String, Error> {
        let (store, path) = (self.store.clone(), self.path.clone());
        let (payload, options) = (PutPayload::from_iter(pieces.iter().cloned()), PutOptions::from(mode));
        let put = runtime::wait(async move { store.put_opts(&path, payload, options).await })?;
        Ok(tag::of(put.e_tag.as_deref()))
    }

    /// Reads a whole object, with its tag; none if there is no such object.
    pub fn get(&self) -> Result<Option<(Bytes, String)>, Failure> {
        let (store, path) = (self.store.clone(), self.path.clone());
        let read = async move {
            let found = store.get(&path).await?;
            let tag = tag::of(found.meta.e_tag.as_deref());
            Ok((found.bytes().await?, tag))
        };
        match runtime::wait(read) {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failure(&error).at(self)),
        }
    }

    /// Reads the place of objects: an address, or a directory of this machine.
    pub fn of_place(text: &str) -> Result<Self, Failure> {
        match Self::is_one(text) {
            true => Self::parse(text),
            false => Self::of_directory(Self::local_path(text)?.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_respected() -> Result<(), Failure> {
        let directory = std::env::temp_dir().join(format!("tally-objects-{}", std::process::id()));
        let address = Address::of_directory(&directory)?.below("a/b");
        let put = |text: &'static str, condition: Condition| {
            address.put(Bytes::from_static(text.as_bytes()), &condition)
        };
        assert!(address.get()?.is_none());
        let Put::Stored(first) = put("one", Condition::Absent)? else { return Err(Failure::new("refused")) };
        assert_eq!(put("two", Condition::Absent)?, Put::Refused);
        let Put::Stored(second) = put("three", Condition::Tag(first.clone()))? else {
            return Err(Failure::new("refused"));
        };
        assert_eq!(put("four", Condition::Tag(first))?, Put::Refused);
        assert_eq!(address.get()?, Some((Bytes::from_static(b"three"), second)));
        assert!(matches!(put("five", Condition::Any)?, Put::Stored(_)));
        std::fs::remove_dir_all(directory).map_err(Failure::new)
    }
}
