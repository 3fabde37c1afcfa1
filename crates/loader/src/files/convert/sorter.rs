//! Sorts more rows than fit into memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use tally_postgres::Failure;

/// Memory for rows that are not yet in a run, in bytes.
const MEMORY: usize = 128 << 20;
/// Memory for a row besides its bytes.
const ROW: usize = 64;
/// Number of runs that are merged at once.
const MOST_RUNS: usize = 256;

/// Sorts rows by their keys; rows of equal keys stay in their order.
pub struct Sorter {
    memory: usize,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    /// Sorted runs, in temporary files.
    runs: Vec<File>,
}

impl Default for Sorter {
    fn default() -> Self {
        Self { memory: MEMORY, rows: Vec::new(), bytes: 0, runs: Vec::new() }
    }
}

impl Sorter {
    /// Adds a row.
    pub fn push(&mut self, key: Vec<u8>, row: &[u8]) -> Result<(), Failure> {
        self.bytes += key.len() + row.len() + ROW;
        self.rows.push((key, row.to_vec()));
        if self.bytes >= self.memory {
            self.write_run()?;
        }
        Ok(())
    }

    fn write_run(&mut self) -> Result<(), Failure> {
        self.rows.sort_by(|a, b| a.0.cmp(&b.0));
        let mut run = new_run()?;
        for (key, row) in self.rows.drain(..) {
            let written = write_piece(&key, &mut run).and_then(|()| write_piece(&row, &mut run));
            written.map_err(Failure::new)?;
        }
        self.bytes = 0;
        self.runs.push(run.into_inner().map_err(Failure::new)?);
        if self.runs.len() == MOST_RUNS {
            let mut merged = new_run()?;
            merge(std::mem::take(&mut self.runs), |key, row| {
                let written = write_piece(key, &mut merged).and_then(|()| write_piece(row, &mut merged));
                written.map_err(Failure::new)
            })?;
            self.runs.push(merged.into_inner().map_err(Failure::new)?);
        }
        Ok(())
    }

    /// Passes on all rows, in order.
    pub fn finish(
        mut self,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.runs.is_empty() {
            self.rows.sort_by(|a, b| a.0.cmp(&b.0));
            return self.rows.iter().try_for_each(|(key, row)| take(key, row));
        }
        self.write_run()?;
        merge(self.runs, take)
    }
}

/// Passes on the rows of all runs in order; of equal keys, those of earlier runs first.
fn merge(runs: Vec<File>, mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut readers = Vec::with_capacity(runs.len());
    for mut run in runs {
        run.seek(SeekFrom::Start(0)).map_err(Failure::new)?;
        readers.push(BufReader::with_capacity(64 << 10, run));
    }
    let mut heads = BinaryHeap::with_capacity(readers.len());
    for (i, reader) in readers.iter_mut().enumerate() {
        heads.extend(next_piece(reader)?.map(|key| Reverse((key, i))));
    }
    while let Some(Reverse((key, i))) = heads.pop() {
        let row = next_piece(&mut readers[i])?.unwrap_or_default();
        take(&key, &row)?;
        heads.extend(next_piece(&mut readers[i])?.map(|key| Reverse((key, i))));
    }
    Ok(())
}

fn new_run() -> Result<BufWriter<File>, Failure> {
    let file = tempfile::tempfile().map_err(|e| Failure::new(e).at("temporary file"))?;
    Ok(BufWriter::new(file))
}

fn write_piece(piece: &[u8], out: &mut impl Write) -> io::Result<()> {
    out.write_all(&(piece.len() as u32).to_be_bytes())?; // a row comes from at most 8 MiB
    out.write_all(piece)
}

fn next_piece(run: &mut impl Read) -> Result<Option<Vec<u8>>, Failure> {
    read_piece(run).map_err(Failure::new)
}

fn read_piece(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        done => done?,
    }
    let mut piece = vec![0; u32::from_be_bytes(length) as usize];
    input.read_exact(&mut piece)?;
    Ok(Some(piece))
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    use super::*;

    #[test]
    fn runs_are_merged_in_order_and_equal_keys_keep_theirs() {
        for memory in [1, 1000, 1 << 20] {
            let mut random = ChaCha12Rng::seed_from_u64(1);
            let mut sorter = Sorter { memory, ..Sorter::default() };
            let mut expected = Vec::new();
            for n in 0..2000u32 {
                let key = vec![(random.next_u32() % 50) as u8];
                sorter.push(key.clone(), &n.to_be_bytes()).unwrap();
                expected.push((key, n.to_be_bytes().to_vec()));
            }
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            let mut found = Vec::new();
            let take = |key: &[u8], row: &[u8]| {
                found.push((key.to_vec(), row.to_vec()));
                Ok(())
            };
            sorter.finish(take).unwrap();
            assert!(found == expected, "{memory}");
        }
    }
}
