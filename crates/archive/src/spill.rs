//! Rows that do not fit into memory, as sorted runs in temporary files, which are merged in the end.

use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tally_postgres::Failure;

use crate::key::beginning;

/// Size from which on another file is begun.
const FILE: u64 = 64 << 20;
/// Size of the pieces that are written.
const BLOCK: usize = 1 << 20;
/// Number of bytes that the runs of a merge have in memory together, and each of them at least.
const MERGED: usize = 2 << 20;
const LEAST: usize = 16 << 10;

/// Temporary files that nobody else sees, and that end with the program however it ends. Those whose runs are all merged are written
/// again, as the system has room for them.
#[derive(Debug, Default)]
pub struct Spill {
    files: Vec<Arc<File>>,
    /// The file that is being written, and how far.
    file: Option<Arc<File>>,
    size: u64,
}

/// Rows in a file, in the order of objects.
#[derive(Debug)]
pub struct Run {
    file: Arc<File>,
    place: Range<u64>,
}

impl Spill {
    /// Writes a run of rows, each after its key, in the order of keys.
    pub fn write<'r>(&mut self, rows: impl Iterator<Item = (&'r [u8], &'r [u8])>) -> Result<Run, Failure> {
        self.append(rows).map_err(failure)
    }

    fn append<'r>(&mut self, rows: impl Iterator<Item = (&'r [u8], &'r [u8])>) -> io::Result<Run> {
        let file = match self.file.take().filter(|_| self.size < FILE) {
            Some(file) => file,
            None => self.another_file()?,
        };
        let from = self.size;
        let mut block = Vec::with_capacity(BLOCK + (BLOCK >> 2));
        for (key, row) in rows {
            // A row of binary COPY is shorter than 4 GB, as PostgreSQL's memory for it is.
            block.extend((key.len() as u32).to_le_bytes());
            block.extend((row.len() as u32).to_le_bytes());
            block.extend_from_slice(key);
            block.extend_from_slice(row);
            if block.len() >= BLOCK {
                file.write_all_at(&block, self.size)?;
                self.size += block.len() as u64;
                block.clear();
            }
        }
        file.write_all_at(&block, self.size)?;
        self.size += block.len() as u64;
        self.file = Some(file.clone());
        Ok(Run { file, place: from..self.size })
    }

    fn another_file(&mut self) -> io::Result<Arc<File>> {
        self.size = 0;
        let has_no_runs = |file: &&Arc<File>| Arc::strong_count(file) == 1;
        if let Some(file) = self.files.iter().find(has_no_runs) {
            return Ok(file.clone());
        }
        let file = Arc::new(tempfile::tempfile()?);
        self.files.push(file.clone());
        Ok(file)
    }
}

/// Calls a function with all rows of some runs, in the order of objects.
pub fn merge(runs: Vec<Run>, mut each: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let size = (MERGED / runs.len().max(1)).max(LEAST);
    let mut heads = BinaryHeap::with_capacity(runs.len());
    for (number, run) in runs.into_iter().enumerate() {
        heads.extend(Head::of(Box::new(RunReader::new(run, number, size))).map_err(failure)?);
    }
    while let Some(mut head) = heads.peek_mut() {
        each(head.run.row())?;
        match head.run.advance().map_err(failure)? {
            true => head.begin = beginning(head.run.key()),
            false => drop(PeekMut::pop(head)),
        }
    }
    Ok(())
}

fn failure(error: io::Error) -> Failure {
    Failure::transient(error)
        .at("temporary file")
        .mend("rows that do not fit into memory need room in the directory that TMPDIR names, or in /tmp")
}

/// The next row of a run; the greatest one is that of the least key.
struct Head {
    begin: u128,
    run: Box<RunReader>,
}

impl Head {
    fn of(mut run: Box<RunReader>) -> io::Result<Option<Self>> {
        Ok(run.advance()?.then(|| Self { begin: beginning(run.key()), run }))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        let keys = || other.run.key().cmp(self.run.key());
        let numbers = || other.run.number.cmp(&self.run.number);
        other.begin.cmp(&self.begin).then_with(keys).then_with(numbers)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Head {}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

/// Reads a run row by row.
struct RunReader {
    run: Run,
    number: usize,
    /// Bytes of the run, and where in them the key and the row of now are.
    bytes: Vec<u8>,
    key: Range<usize>,
    row: Range<usize>,
    /// Number of bytes to read at a time.
    size: usize,
}

impl RunReader {
    fn new(run: Run, number: usize, size: usize) -> Self {
        Self { run, number, bytes: Vec::new(), key: 0..0, row: 0..0, size }
    }

    fn key(&self) -> &[u8] {
        &self.bytes[self.key.clone()]
    }

    fn row(&self) -> &[u8] {
        &self.bytes[self.row.clone()]
    }

    /// Goes to the next row; returns whether there is one.
    fn advance(&mut self) -> io::Result<bool> {
        let mut at = self.row.end;
        if self.bytes.len() - at < 8 {
            if self.bytes.len() == at && self.run.place.is_empty() {
                return Ok(false);
            }
            self.fill(at, 8)?;
            at = 0;
        }
        let length = |at: usize| {
            let bytes = [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]];
            u32::from_le_bytes(bytes) as usize
        };
        let (key, row) = (length(at), length(at + 4));
        if self.bytes.len() - at < 8 + key + row {
            self.fill(at, 8 + key + row)?;
            at = 0;
        }
        self.key = at + 8..at + 8 + key;
        self.row = self.key.end..self.key.end + row;
        Ok(true)
    }

    /// Reads on, so that this many bytes from a place on are in memory, which begins there then.
    fn fill(&mut self, from: usize, wanted: usize) -> io::Result<()> {
        self.bytes.drain(..from);
        let held = self.bytes.len();
        let Range { start, end } = self.run.place;
        let more = (end - start).min(wanted.max(self.size).saturating_sub(held) as u64);
        self.bytes.resize(held + more as usize, 0);
        self.run.file.read_exact_at(&mut self.bytes[held..], start)?;
        self.run.place.start += more;
        match self.bytes.len() < wanted {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(runs: Vec<Run>) -> Result<Vec<Vec<u8>>, Failure> {
        let mut rows = Vec::new();
        merge(runs, |row| {
            rows.push(row.to_vec());
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn rows_of_all_runs_come_in_the_order_of_their_keys() -> Result<(), Failure> {
        // Keys that begin alike, rows of no bytes and of more than are read at a time, and keys that several runs have.
        let key =
            |n: usize| [b"alike for sixteen bytes".to_vec(), (n as u32).to_be_bytes().to_vec()].concat();
        let row = |n: usize, run: usize| match n % 50 {
            0 => Vec::new(),
            1 => vec![run as u8; 2 * LEAST + n],
            _ => format!("{n} of {run}").into_bytes(),
        };
        let (mut spill, mut runs) = (Spill::default(), Vec::new());
        for run in 0..300 {
            let rows: Vec<_> =
                (0..1000).filter(|n| n % 300 == run || n % 7 == 0).map(|n| (key(n), row(n, run))).collect();
            runs.push(spill.write(rows.iter().map(|(key, row)| (key.as_slice(), row.as_slice())))?);
        }
        runs.push(spill.write(std::iter::empty())?);
        let expected = (0..1000).flat_map(|n| {
            (0..300).filter(move |run| n % 300 == *run || n % 7 == 0).map(move |run| row(n, run))
        });
        assert!(merged(runs)?.into_iter().eq(expected));
        Ok(())
    }

    #[test]
    fn a_run_that_is_cut_is_an_error() -> Result<(), Failure> {
        let mut run = Spill::default().write([(&b"key"[..], &[7; 100][..])].into_iter())?;
        run.place.end -= 1;
        assert!(merged(vec![run]).is_err());
        Ok(())
    }
}
