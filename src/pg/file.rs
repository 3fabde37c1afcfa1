//! Temporary files, as PostgreSQL keeps them: in `temp_tablespaces`, within `temp_file_limit`, gone with the transaction at the
//! latest.

use super::error::defect;
use super::region::Region;
use pgrx::pg_sys::{self, BufFile};

/// A file that is written from its begin to its end, and then read.
pub struct TemporaryFile(*mut BufFile);

impl TemporaryFile {
    /// Makes an empty file, whose buffer is in the region.
    pub fn new(region: Region) -> TemporaryFile {
        // SAFETY: the region is there as long as it is used; the file belongs to the running statement.
        region.within(|| unsafe {
            pg_sys::PrepareTempTablespaces();
            TemporaryFile(pg_sys::BufFileCreateTemp(false))
        })
    }

    pub fn write(&mut self, bytes: &[u8]) {
        // SAFETY: the file is open; PostgreSQL only reads the bytes.
        unsafe { pg_sys::BufFileWrite(self.0, bytes.as_ptr().cast_mut().cast(), bytes.len()) }
    }

    /// Goes back to the begin.
    pub fn rewind(&mut self) {
        // SAFETY: the file is open, as it is from `new` to `drop`.
        if unsafe { pg_sys::BufFileSeek(self.0, 0, 0, 0) } != 0 {
            defect("a temporary file can be read from its begin");
        }
    }

    /// Fills the bytes; false at the end of the file.
    pub fn read(&mut self, bytes: &mut [u8]) -> bool {
        // SAFETY: the file is open, and there is room for as many bytes as are asked for.
        let read = unsafe { pg_sys::BufFileRead(self.0, bytes.as_mut_ptr().cast(), bytes.len()) };
        read == bytes.len()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Closing writes what is left, which may be what has just failed. After an error PostgreSQL closes all files.
        if !std::thread::panicking() {
            // SAFETY: the file is open, and not used any more. It is held by a frame, which ends before the transaction.
            unsafe { pg_sys::BufFileClose(self.0) }
        }
    }
}
