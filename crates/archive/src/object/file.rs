//! The bytes of an object, all of them at once if they are few.

use std::io::Read;
use std::ops::Range;

use bytes::{Buf, Bytes};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};
use tally_objects::{Address, Object};
use tally_postgres::Failure;

/// Size of a request for bytes whose number is not known.
const BLOCK: u64 = 64 << 10;
/// Size up to which an object is read in one request.
const WHOLE: u64 = 4 << 20;

/// An object, as it was when it was opened.
pub struct ObjectFile {
    object: Object,
    /// Bytes that are in memory, and where they begin.
    held: (u64, Bytes),
}

impl ObjectFile {
    /// Opens the object at an address; none if there is no such object.
    pub fn find(address: &Address) -> Result<Option<Self>, Failure> {
        let Some(object) = Object::find(address)? else { return Ok(None) };
        let file = Self { object, held: (0, Bytes::new()) };
        match file.object.size() <= WHOLE {
            true => {
                file.holding(0..file.object.size()).map(Some).map_err(|e| Failure::transient(e).at(address))
            }
            false => Ok(Some(file)),
        }
    }

    /// Returns the object with these bytes of it in memory.
    pub fn holding(&self, range: Range<u64>) -> std::io::Result<Self> {
        Ok(Self { object: self.object.clone(), held: (range.start, self.range(range)?) })
    }

    /// Returns a text that is another one when the contents are.
    pub fn tag(&self) -> String {
        self.object.version()
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        self.object.size()
    }

    /// Reads what the end of the file says of it.
    pub fn metadata(&self) -> Result<ParquetMetaData, ParquetError> {
        ParquetMetaDataReader::new().parse_and_finish(self)
    }

    fn range(&self, range: Range<u64>) -> std::io::Result<Bytes> {
        let (from, bytes) = &self.held;
        if *from <= range.start && range.end <= from + bytes.len() as u64 {
            return Ok(bytes.slice((range.start - from) as usize..(range.end - from) as usize));
        }
        self.object.bytes(range)
    }
}

impl Length for ObjectFile {
    fn len(&self) -> u64 {
        self.object.size()
    }
}

impl ChunkReader for ObjectFile {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let end = self.object.size().min(start + BLOCK);
        Ok(Box::new(self.range(start.min(end)..end)?.reader()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match start.checked_add(length as u64).filter(|end| *end <= self.object.size()) {
            Some(end) => Ok(self.range(start..end)?),
            None => Err(ParquetError::EOF("file is shorter than its metadata says".into())),
        }
    }
}
