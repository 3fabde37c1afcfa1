//! Writes an object piece by piece; it appears when it is complete, or never.

use std::io::{self, Write};

use object_store::{Error, ObjectMeta, ObjectStoreExt, WriteMultipart};

use super::{error, runtime, tag, Address};

/// Size of a piece.
const PIECE: usize = 8 << 20;
/// Number of pieces under way.
const PIECES: usize = 2;

/// A writer of one object.
pub struct ObjectWriter {
    address: Address,
    upload: Option<WriteMultipart>,
    unsent: usize,
    /// Size of the object so far.
    size: u64,
}

impl ObjectWriter {
    /// Begins an object at an address.
    pub fn create(address: &Address) -> io::Result<Self> {
        let (store, path) = (address.store.clone(), address.path.clone());
        let upload = runtime::wait(async move { store.put_multipart(&path).await }).map_err(|e| error(&e))?;
        let upload = Some(WriteMultipart::new_with_chunk_size(upload, PIECE));
        Ok(Self { address: address.clone(), upload, unsent: 0, size: 0 })
    }

    /// Completes the object, and returns its tag.
    pub fn finish(mut self) -> io::Result<String> {
        // Replaced by the last request. Who may only write is not told, and needs it only if that fails.
        let before = self.found();
        let upload = self.upload.take().ok_or_else(lost)?;
        let failed = match runtime::wait(upload.finish()) {
            Ok(done) => return Ok(tag::of(done.e_tag.as_deref())),
            Err(failed) => failed,
        };
        // The answer may have been lost after the object was made; then it cannot be made again.
        match (before, self.found()) {
            (Ok(before), Ok(Some(found))) if found.size == self.size && before.as_ref() != Some(&found) => {
                Ok(tag::of(found.e_tag.as_deref()))
            }
            _ => Err(error(&failed)),
        }
    }

    /// Returns what is at the address now.
    fn found(&self) -> io::Result<Option<ObjectMeta>> {
        let (store, path) = (self.address.store.clone(), self.address.path.clone());
        match runtime::wait(async move { store.head(&path).await }) {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(failed) => Err(error(&failed)),
        }
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut upload = self.upload.take().ok_or_else(lost)?;
        let bytes = &bytes[..bytes.len().min(PIECE)];
        runtime::enter(|| upload.write(bytes));
        self.unsent += bytes.len();
        self.size += bytes.len() as u64;
        let mut result = Ok(());
        if self.unsent >= PIECE {
            self.unsent = 0;
            (upload, result) = runtime::wait(async move {
                let result = upload.wait_for_capacity(PIECES).await;
                (upload, result)
            });
        }
        // Kept whatever happened, so that what was sent is removed.
        self.upload = Some(upload);
        result.map_err(|e| error(&e))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            // What is left behind is not an object; stores clean it up.
            let _ = runtime::wait(upload.abort());
        }
    }
}

fn lost() -> io::Error {
    io::Error::other("the object could not be written")
}
