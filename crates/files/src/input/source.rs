//! The bytes of a file, wherever they are kept.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};
use tally_objects::Object;

use super::compression::Compression;

/// Number of bytes at the start and the end of a file that identify it.
const SAMPLE: usize = 64 << 10;

/// A file to read.
pub struct FileSource {
    name: String,
    place: Place,
    identity: FileIdentity,
}

enum Place {
    Path(PathBuf),
    /// A temporary file without a name, which no other program can change.
    Temporary(Arc<File>),
    Object(Object),
}

impl FileSource {
    /// Looks at a file on disk, whose path is UTF-8.
    pub fn of_path(path: &Path) -> io::Result<Self> {
        let name = path.to_string_lossy().into_owned();
        Ok(Self { name, place: Place::Path(path.into()), identity: FileIdentity::of(path)? })
    }

    /// Reads standard input to its end, into a temporary file: it can then be read twice, in parts, and again by a
    /// later run, which knows it by its contents.
    pub fn of_standard_input() -> io::Result<Self> {
        Self::of_stream(io::stdin().lock())
    }

    fn of_stream(mut input: impl Read) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        let mut hasher = Sha256::new();
        let (mut buffer, mut size) = (vec![0; 1 << 20], 0);
        loop {
            let n = input.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
            io::Write::write_all(&mut file, &buffer[..n])?;
            size += n as i64;
        }
        let hash = hasher.finalize().to_vec();
        let begin: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let identity = FileIdentity { size, modified: 0, hash, is_dated: false };
        Ok(Self { name: format!("stdin:{begin}"), place: Place::Temporary(Arc::new(file)), identity })
    }

    /// Takes an object of a store, which its version identifies.
    pub fn of_object(object: Object) -> Self {
        let identity = FileIdentity::of_object(&object);
        Self { name: object.url().into(), place: Place::Object(object), identity }
    }

    /// The name by which messages and `loader.files` know the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The identity of the file when it was first looked at.
    pub fn identity(&self) -> &FileIdentity {
        &self.identity
    }

    /// The size of the file when it was first looked at.
    pub fn size(&self) -> u64 {
        self.identity.size as u64
    }

    /// Whether lines may be added to the file.
    pub fn may_grow(&self) -> bool {
        matches!(self.place, Place::Path(_))
    }

    /// Returns the compression: by the name, or, if there is none, by the first bytes.
    pub fn compression(&self) -> io::Result<Compression> {
        match &self.place {
            Place::Path(_) | Place::Object(_) => Ok(Compression::of_name(&self.name)),
            Place::Temporary(_) => {
                let mut begin = Vec::new();
                self.open(0)?.take(4).read_to_end(&mut begin)?;
                Ok(Compression::of_bytes(&begin))
            }
        }
    }

    /// Reads from a byte on.
    pub fn open(&self, from: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.place {
            Place::Path(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(from))?;
                Box::new(file)
            }
            Place::Temporary(file) => Box::new(FileCursor { file: file.clone(), at: from }),
            Place::Object(object) => Box::new(object.open(from)),
        })
    }

    /// Returns the file itself, to be read at any place; none if it is not on this machine.
    pub fn file(&self) -> io::Result<Option<Arc<File>>> {
        match &self.place {
            Place::Path(path) => File::open(path).map(Arc::new).map(Some),
            Place::Temporary(file) => Ok(Some(file.clone())),
            Place::Object(_) => Ok(None),
        }
    }

    /// Copies these bytes, which may be more than fit into memory, to a temporary file, at the same place.
    pub fn excerpt(&self, range: Range<u64>) -> io::Result<Arc<File>> {
        let mut file = tempfile::tempfile()?;
        file.set_len(self.size())?;
        file.seek(SeekFrom::Start(range.start))?;
        let length = range.end.min(self.size()).saturating_sub(range.start);
        io::copy(&mut self.open(range.start)?.take(length), &mut file)?;
        Ok(Arc::new(file))
    }

    /// Returns the identity of the file as it is now.
    pub fn identity_now(&self) -> io::Result<FileIdentity> {
        match &self.place {
            Place::Path(path) => FileIdentity::of(path),
            Place::Temporary(_) => Ok(self.identity.clone()),
            Place::Object(object) => Ok(FileIdentity::of_object(&object.now()?)),
        }
    }

    /// Whether the file begins with all that it was when it had another identity.
    pub fn begins_with(&self, before: &FileIdentity) -> io::Result<bool> {
        Ok(hash(|from| self.open(from), before.size as u64)? == before.hash)
    }
}

/// A reader of a file that others read as well.
struct FileCursor {
    file: Arc<File>,
    at: u64,
}

impl Read for FileCursor {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(out, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// The identity of a file's contents: tells whether the file has changed.
#[derive(Debug, Clone)]
pub struct FileIdentity {
    /// Size in bytes.
    pub size: i64,
    /// Time of the last change, in microseconds since 1970.
    pub modified: i64,
    /// A hash of its first and last 64 KiB, or of something that stands for all of it.
    pub hash: Vec<u8>,
    /// Whether the time changes with the contents.
    pub is_dated: bool,
}

impl FileIdentity {
    fn of(path: &Path) -> io::Result<Self> {
        let data = std::fs::metadata(path)?;
        let modified = data.modified()?.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64);
        let size = data.len();
        let open = |from| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(from))?;
            Ok(Box::new(file) as Box<dyn Read + Send>)
        };
        Ok(Self { size: size as i64, modified, hash: hash(open, size)?, is_dated: true })
    }

    fn of_object(object: &Object) -> Self {
        let hash = Sha256::digest(object.version().as_bytes()).to_vec();
        Self { size: object.size() as i64, modified: object.modified(), hash, is_dated: false }
    }

    /// Whether the contents are the same as when the file had another identity.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let is_same_time = self.is_dated && self.modified == other.modified;
        self.size == other.size && (is_same_time || self.hash == other.hash)
    }
}

/// Hashes the beginning and the end of the first `size` bytes of a file.
fn hash(open: impl Fn(u64) -> io::Result<Box<dyn Read + Send>>, size: u64) -> io::Result<Vec<u8>> {
    let sample = SAMPLE as u64;
    let mut bytes = Vec::new();
    open(0)?.take(sample.min(size)).read_to_end(&mut bytes)?;
    if size > sample {
        let end = sample.min(size - sample);
        open(size - end)?.take(end).read_to_end(&mut bytes)?;
    }
    let mut hasher = Sha256::new();
    hasher.update(size.to_be_bytes());
    hasher.update(&bytes);
    Ok(hasher.finalize().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_by_its_contents() {
        let source = |text: &str| FileSource::of_stream(text.as_bytes()).unwrap();
        let (one, again, other) = (source("a,b\n1,2\n"), source("a,b\n1,2\n"), source("a,b\n1,3\n"));
        assert_eq!((one.name(), one.size()), (again.name(), 8));
        assert_ne!(one.name(), other.name());
        assert!(one.identity().is_same_as(again.identity()) && !one.identity().is_same_as(other.identity()));
        let mut rest = String::new();
        one.open(4).unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "1,2\n");
    }

    #[test]
    fn a_file_is_known_by_its_time_or_by_its_contents() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "x".repeat(200_000)).unwrap();
        let source = FileSource::of_path(&path).unwrap();
        let before = source.identity().clone();
        std::fs::write(&path, "x".repeat(200_000) + "y").unwrap();
        assert!(!source.identity_now().unwrap().is_same_as(&before) && source.begins_with(&before).unwrap());
        std::fs::write(&path, "y".repeat(200_001)).unwrap();
        assert!(!source.begins_with(&before).unwrap());
    }
}
