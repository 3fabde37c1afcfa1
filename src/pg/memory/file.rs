//! Temporary files, as PostgreSQL keeps them: in `temp_tablespaces`, within `temp_file_limit`, gone with the transaction at the
//! latest.

use super::region::Region;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use pgrx::pg_sys::{self, BufFile};
use std::ptr::NonNull;

/// A file that is written from its begin to its end, and then read.
pub struct TemporaryFile(OpenFile);

/// A file that is open as long as this is used. A pointer that is not null, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct OpenFile(NonNull<BufFile>);

// PostgreSQL defines these functions with these arguments.
unsafe extern "C-unwind" {
    safe fn PrepareTempTablespaces();
    safe fn BufFileCreateTemp(outlives_transaction: bool) -> OpenFile;
    safe fn BufFileSeek(file: OpenFile, segment: i32, offset: libc::off_t, whence: i32) -> i32;
}

impl TemporaryFile {
    /// Makes an empty file, whose buffer is in the region.
    pub fn new(region: Region) -> TemporaryFile {
        region.within(|| {
            caught(|| PrepareTempTablespaces());
            TemporaryFile(caught(|| BufFileCreateTemp(false)))
        })
    }

    pub fn write(&mut self, bytes: &[u8]) {
        // SAFETY: the file is open; PostgreSQL only reads the bytes.
        unsafe { pg_sys::BufFileWrite(self.0 .0.as_ptr(), bytes.as_ptr().cast_mut().cast(), bytes.len()) }
    }

    /// Goes back to the begin.
    pub fn rewind(&mut self) {
        let file = self.0;
        if caught(|| BufFileSeek(file, 0, 0, libc::SEEK_SET)) != 0 {
            defect("a temporary file can be read from its begin");
        }
    }

    /// Fills the bytes; false at the end of the file.
    pub fn read(&mut self, bytes: &mut [u8]) -> bool {
        // SAFETY: the file is open, and there is room for as many bytes as are asked for.
        let read = unsafe { pg_sys::BufFileRead(self.0 .0.as_ptr(), bytes.as_mut_ptr().cast(), bytes.len()) };
        read == bytes.len()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Closing writes what is left, which may be what has just failed. After an error PostgreSQL closes all files.
        if !std::thread::panicking() {
            // SAFETY: the file is open, and not used any more. It is held by a frame, which ends before the transaction.
            unsafe { pg_sys::BufFileClose(self.0 .0.as_ptr()) }
        }
    }
}
