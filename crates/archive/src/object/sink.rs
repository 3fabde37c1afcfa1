//! A writer that sends an object to the store in one request if they are few, or piece by piece.

use std::io::{self, Write};

use bytes::Bytes;
use tally_objects::{Address, Condition, Object, ObjectWriter, Put};
use tally_postgres::{ErrorKind, Failure};

use super::Stamp;

/// Size from which on an object is written in pieces.
const PIECE: u64 = 16 << 20;
/// Size of the blocks that bytes are gathered in.
const BLOCK: usize = 1 << 20;

/// A writer of an object, which appears when it is complete, or never.
pub struct ObjectSink {
    address: Address,
    /// Key of the slot in the ledger, and the tag of its object that the ledger knows.
    owner: String,
    known: Option<String>,
    /// Bytes that were not sent yet: full pieces, and the one that is being filled.
    pieces: Vec<Bytes>,
    bytes: Vec<u8>,
    size: u64,
    upload: Option<(ObjectWriter, Condition)>,
    /// Called before the first piece is sent.
    claim: Box<dyn FnMut() -> Result<(), Failure> + Send>,
    failure: Option<Failure>,
}

impl ObjectSink {
    /// Begins the object of a slot in place of the one that the ledger knows, or of one that the slot wrote before it could say so.
    ///
    /// An object of many pieces is made in a request that knows no condition; `claim` keeps others away meanwhile.
    pub fn new(
        address: Address,
        owner: String,
        known: Option<String>,
        claim: impl FnMut() -> Result<(), Failure> + Send + 'static,
    ) -> Self {
        let claim = Box::new(claim);
        Self {
            address,
            owner,
            known,
            pieces: Vec::new(),
            bytes: Vec::new(),
            size: 0,
            upload: None,
            claim,
            failure: None,
        }
    }

    /// Returns the reason why a write has failed.
    pub fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// Completes the object; returns its tag and its size.
    pub fn finish(mut self) -> Result<(String, u64), Failure> {
        self.pieces.push(std::mem::take(&mut self.bytes).into());
        let tag = match self.upload.take() {
            None => self.put()?,
            Some((mut upload, found)) => {
                let fail =
                    |e: io::Error| Failure::transient(e).at(&self.address).mend("run the command again");
                self.pieces.iter().try_for_each(|piece| upload.write_all(piece)).map_err(fail)?;
                if self.replaceable()? != found {
                    return Err(foreign(&self.address));
                }
                upload.finish().map_err(fail)?
            }
        };
        Ok((tag, self.size))
    }

    /// Stores all bytes in one request.
    fn put(&self) -> Result<String, Failure> {
        let mut condition = self.known.clone().map_or(Condition::Absent, Condition::Tag);
        for _ in 0..3 {
            if let Put::Stored(tag) = self.address.put_pieces(&self.pieces, &condition)? {
                return Ok(tag);
            }
            // Either an answer was lost, or a run before was killed before the ledger knew.
            condition = self.replaceable()?;
        }
        Err(Failure::transient("object is replaced again and again")
            .at(&self.address)
            .mend("stop other archives to this place"))
    }

    /// Returns the condition to replace what is there; fails if that is not the slot's.
    fn replaceable(&self) -> Result<Condition, Failure> {
        let Some(found) = Object::find(&self.address)?.map(|object| object.version()) else {
            return Ok(Condition::Absent);
        };
        let is_own = || Ok(Stamp::find(&self.address)?.is_some_and(|stamp| stamp.id == self.owner));
        match self.known.as_ref() == Some(&found) || is_own()? {
            true => Ok(Condition::Tag(found)),
            false => Err(foreign(&self.address)),
        }
    }

    fn send(&mut self) -> Result<(), Failure> {
        if self.upload.is_none() {
            (self.claim)()?;
            let found = self.replaceable()?;
            let upload = ObjectWriter::create(&self.address);
            let upload = upload.map_err(|e| Failure::transient(e).at(&self.address))?;
            self.upload = Some((upload, found));
        }
        if let Some((upload, _)) = &mut self.upload {
            for piece in self.pieces.drain(..) {
                upload.write_all(&piece).map_err(|e| Failure::transient(e).at(&self.address))?;
            }
        }
        Ok(())
    }
}

fn foreign(address: &Address) -> Failure {
    Failure::new("there is another object in place of the archive's")
        .at(address)
        .of_kind(ErrorKind::Fatal)
        .mend("move it away, or archive to another place")
}

impl Write for ObjectSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        self.size += bytes.len() as u64;
        if self.bytes.len() < BLOCK {
            return Ok(bytes.len());
        }
        self.pieces.push(std::mem::take(&mut self.bytes).into());
        if self.upload.is_some() || self.size >= PIECE {
            if let Err(failure) = self.send() {
                let error = io::Error::other(failure.to_string());
                self.failure = Some(failure);
                return Err(error);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
