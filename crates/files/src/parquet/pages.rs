//! Checks page headers before anything is decompressed.
//!
//! A page states its decompressed size, a dictionary its number of values, and the library allocates that much memory
//! before it reads the first byte. So a few bytes of header could exhaust all memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

/// Memory for the values that are read at once, in bytes.
const HELD: u64 = 16 << 20;
/// Number of values of a column that are read at once, at most.
const MOST_AT_ONCE: usize = 1024;
/// Size of a value in memory, apart from its bytes.
const VALUE: u64 = 32;

const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;
const DELTA_BYTE_ARRAY: i64 = 7;

/// Checks the pages of a row group against the largest size that one may have; returns how many rows can be read at
/// once without holding many pages. `names` are those of the fields, of which a column may be a part.
pub fn check(file: &File, group: &RowGroupMetaData, names: &[String], most: u64) -> Result<usize, String> {
    let mut row_bytes = 1;
    for (i, column) in group.columns().iter().enumerate() {
        let of_column = chunk(file, column, group.num_rows(), most);
        let name = &names[group.schema_descr().get_column_root_idx(i)];
        row_bytes += of_column.map_err(|what| format!("column {name:?}: {what}"))?;
    }
    Ok(usize::try_from(HELD / row_bytes).unwrap_or(MOST_AT_ONCE).clamp(1, MOST_AT_ONCE))
}

/// Checks the pages of a column; returns the size that one of its values may have, by what its pages state.
fn chunk(file: &File, column: &ColumnChunkMetaData, rows: i64, most: u64) -> Result<u64, String> {
    let from = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let length = column.compressed_size();
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    let span = u64::try_from(from).ok().zip(u64::try_from(length).ok());
    let Some((mut at, end)) = span.and_then(|(from, length)| Some((from, from.checked_add(length)?))) else {
        return Err("its place in the file is not one".into());
    };
    if end > size {
        return Err("it goes on after the end of the file".into());
    }
    let is_flat = column.column_descr().max_rep_level() == 0;
    let (mut value_bytes, mut values) = (VALUE, 0i64);
    let mut input = BufReader::new(file);
    input.seek(SeekFrom::Start(at)).map_err(|e| e.to_string())?;
    while at < end {
        let page = Header::read(&mut input).map_err(|e| format!("a page header cannot be read: {e}"))?;
        let unpacked = page.check(end - at, most)?;
        if page.is_data() {
            values = values.saturating_add(page.values);
            // A value of a repeated column is a list of unknown length; one after DELTA_BYTE_ARRAY may hold the one
            // before.
            let whole = !is_flat || page.encoding == DELTA_BYTE_ARRAY;
            let one = if whole { unpacked } else { unpacked / page.values.max(1) as u64 };
            value_bytes = value_bytes.max(VALUE + one);
        }
        if page.is_data() && !is_flat && page.values as u64 > most / VALUE {
            return Err(too_large(&format!("a page has {} values of lists", page.values)));
        }
        at += page.length + page.packed as u64;
        input.seek_relative(page.packed).map_err(|e| e.to_string())?;
    }
    if is_flat && values != rows {
        return Err(format!("{values} values for {rows} rows"));
    }
    Ok(value_bytes)
}

fn too_large(what: &str) -> String {
    format!("{what}; if that is intended, raise --max-page")
}

/// A page header of the file format, as far as it matters.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    kind: i64,
    unpacked: i64,
    packed: i64,
    values: i64,
    encoding: i64,
    /// The bytes of the header itself.
    length: u64,
}

impl Header {
    fn read(input: impl BufRead) -> io::Result<Self> {
        let mut header = Self { unpacked: -1, packed: -1, ..Self::default() };
        let mut compact = Compact { input, read: 0 };
        compact.structure(0, 0, &mut |outer, inner, value| match (outer, inner) {
            (0, 1) => header.kind = value,
            (0, 2) => header.unpacked = value,
            (0, 3) => header.packed = value,
            (5 | 7 | 8, 1) => header.values = value,
            (5, 2) | (8, 4) => header.encoding = value,
            _ => {}
        })?;
        header.length = compact.read;
        Ok(header)
    }

    fn is_data(&self) -> bool {
        matches!(self.kind, DATA | DATA_V2)
    }

    /// Checks the sizes that the header states; returns the page's decompressed size.
    fn check(&self, room: u64, most: u64) -> Result<u64, String> {
        let sizes = u64::try_from(self.unpacked).ok().zip(u64::try_from(self.packed).ok());
        let Some((unpacked, packed)) = sizes.filter(|_| self.values >= 0) else {
            return Err("page header without sizes".into());
        };
        if self.length + packed > room {
            return Err("page extends beyond the end of its column".into());
        }
        let largest = unpacked.max(packed);
        if largest > most {
            return Err(too_large(&format!("a page of {largest} bytes")));
        }
        let values = self.values as u64;
        if self.kind == DICTIONARY && (values > unpacked || values > most / VALUE) {
            return Err(too_large(&format!("a dictionary of {values} values in {unpacked} bytes")));
        }
        Ok(largest)
    }
}

/// A reader of Thrift's compact protocol, for structures of which only the whole numbers matter.
struct Compact<R> {
    input: R,
    read: u64,
}

impl<R: BufRead> Compact<R> {
    /// Reads a structure; calls `seen` for each whole number in it, or one level deeper: outer field, field, value.
    fn structure(&mut self, outer: i64, depth: u8, seen: &mut dyn FnMut(i64, i64, i64)) -> io::Result<()> {
        let mut last = 0;
        loop {
            let byte = self.byte()?;
            let (delta, kind) = (i64::from(byte >> 4), byte & 15);
            if kind == 0 {
                return Ok(());
            }
            let id = if delta == 0 { self.number()? } else { last + delta };
            // Writers go up; of a field given twice, readers may take either.
            if id <= last || depth > 8 {
                return Err(invalid());
            }
            last = id;
            match kind {
                4..=6 => {
                    let value = self.number()?;
                    match depth {
                        0 => seen(0, id, value),
                        1 => seen(outer, id, value),
                        _ => {}
                    }
                }
                12 => self.structure(id, depth + 1, seen)?,
                _ => self.skip(kind)?,
            }
        }
    }

    fn skip(&mut self, kind: u8) -> io::Result<()> {
        let bytes = match kind {
            1 | 2 => 0,
            3 => 1,
            7 => 8,
            8 => self.varint()?,
            _ => return Err(invalid()), // page headers have neither lists nor maps
        };
        let skipped = io::copy(&mut self.input.by_ref().take(bytes), &mut io::sink())?;
        self.read += skipped;
        if skipped == bytes {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        self.read += 1;
        Ok(byte[0])
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err(invalid())
    }

    fn number(&mut self) -> io::Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is none")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header as it is written: kind, sizes, and values in a structure of the kind.
    fn header(kind: u8, unpacked: u32, packed: u32, values: u32) -> Vec<u8> {
        let varint = |mut n: u64| {
            let mut bytes = Vec::new();
            while n > 127 {
                bytes.push(n as u8 | 128);
                n >>= 7;
            }
            bytes.push(n as u8);
            bytes
        };
        let field = |n: u32| [vec![0x15], varint(u64::from(n) << 1)].concat();
        let inner: u8 = match kind {
            0 => 5,
            2 => 7,
            _ => 8,
        };
        let inner = [vec![(inner - 3) << 4 | 12], field(values), field(0), vec![0]].concat();
        [field(u32::from(kind)), field(unpacked), field(packed), inner, vec![0]].concat()
    }

    fn read(bytes: &[u8]) -> Header {
        Header::read(bytes).unwrap()
    }

    #[test]
    fn headers() {
        let bytes = header(2, 1 << 31, 300, 7);
        let expected = Header {
            kind: 2,
            unpacked: 1 << 31,
            packed: 300,
            values: 7,
            encoding: 0,
            length: bytes.len() as u64,
        };
        assert_eq!(read(&bytes), expected);
        for end in 0..bytes.len() {
            assert!(Header::read(&bytes[..end]).is_err(), "{end}");
        }
        // Twice the same field, a structure in a structure without end, a list.
        assert!(Header::read(&[0x15, 0, 0x05, 2, 0, 0][..]).is_err());
        assert!(Header::read(&[0x1c; 100][..]).is_err());
        assert!(Header::read(&[0x19, 0x15, 0, 0][..]).is_err());
    }

    #[test]
    fn what_is_too_large_is_refused_by_its_header() {
        let check = |kind, unpacked, packed, values| {
            read(&header(kind, unpacked, packed, values)).check(1000, 1_000_000)
        };
        assert_eq!(check(0, 5000, 100, 10), Ok(5000));
        assert!(check(0, 1_000_001, 100, 1).unwrap_err().contains("--max-page"));
        assert!(check(2, 1_000_001, 100, 1).unwrap_err().contains("--max-page"));
        assert!(check(2, 10, 10, 11).unwrap_err().contains("a dictionary of 11 values in 10 bytes"));
        assert!(check(2, 900_000, 10, 500_000).unwrap_err().contains("--max-page"));
        assert!(check(0, 10, 2000, 1).unwrap_err().contains("beyond the end"));
        assert!(Header::default().check(10, 10).is_ok());
        assert!(Header { unpacked: -1, ..Header::default() }.check(10, 10).is_err());
    }
}
