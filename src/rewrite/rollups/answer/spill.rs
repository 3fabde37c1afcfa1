//! Groups for which there is no memory, in temporary files: each file has some of the groups, with all that was told of them since
//! there was no room.

use super::place::{row_of_nulls, Place};
use crate::pg::memory::file::TemporaryFile;
use crate::pg::memory::region::Region;
use crate::pg::server::error::defect;
use pgrx::check_for_interrupts;
use tally_stats::tree::Contents;

/// Files among which groups are divided, and the bits of a hash that say to which one a group belongs.
const FILES: usize = 32;
const BITS: u32 = FILES.trailing_zeros();

/// The numbers before the contents of a cell: the grouping set, the series, the cell, the joined rows, and how many bytes
/// follow; none stand for a row of NULLs.
const HEADER: usize = 5 * size_of::<u32>();

/// The files into which is written.
pub struct Spill {
    files: [Option<TemporaryFile>; FILES],
    /// The number of times that the groups have been divided before.
    level: u32,
    context: Region,
}

/// A file that is to be read.
pub struct Spilled {
    file: TemporaryFile,
    pub level: u32,
}

impl Spill {
    /// No files yet; their buffers will be in the memory context.
    pub fn new(level: u32, context: Region) -> Spill {
        Spill { files: [const { None }; FILES], level, context }
    }

    /// Writes what a cell of a series adds to a group of a grouping set, of which this is the hash.
    pub fn add(&mut self, hash: u64, set: usize, place: Place, contents: &Contents) {
        let context = self.context;
        let number = (hash.rotate_right(self.level * BITS) as usize) % FILES;
        let file = self.files[number].get_or_insert_with(|| TemporaryFile::new(context));
        let has_position = contents.extent.first <= contents.extent.last;
        let bytes = if has_position { contents.to_bytes() } else { Vec::new() };
        for number in [set, place.series, place.cell, place.joined, bytes.len()] {
            file.write(&(number as u32).to_le_bytes());
        }
        file.write(&bytes);
    }

    /// Takes the files that have been written.
    pub fn take(&mut self) -> impl Iterator<Item = Spilled> + '_ {
        let level = self.level;
        self.files.iter_mut().filter_map(Option::take).map(move |file| Spilled { file, level })
    }
}

impl Spilled {
    /// Reads what was written, of contents with this many values.
    pub fn read(mut self, values: usize, mut each: impl FnMut(usize, Place, &Contents)) {
        let (mut header, mut bytes) = ([0; HEADER], Vec::new());
        self.file.rewind();
        while self.file.read(&mut header) {
            check_for_interrupts!();
            let mut numbers = header
                .chunks_exact(size_of::<u32>())
                .map(|number| number.iter().rev().fold(0, |all, &byte| all << 8 | usize::from(byte)));
            let mut next = || numbers.next().unwrap_or_default();
            let (set, series, cell, joined, length) = (next(), next(), next(), next(), next());
            bytes.resize(length, 0);
            let is_whole = self.file.read(&mut bytes);
            let contents = match length {
                0 => Some(row_of_nulls(values)),
                _ => Contents::from_bytes(values, &bytes),
            };
            match contents.filter(|_| is_whole) {
                Some(contents) => each(set, Place { series, cell, joined }, &contents),
                None => defect("a temporary file has what was written"),
            }
        }
    }
}
